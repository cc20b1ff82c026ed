"""Makes the virtual environment, and brings it up to date when what it should hold changed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ops import places
from ops.say import Stop, say
from storage.process import spawn

# Bytecode is made at the first import anyway; here it would double the time.
PIP_INSTALL = (
    *("-m", "pip", "install", "--no-compile", "--disable-pip-version-check"),
    *("--constraint", "constraints.txt"),
)
CERTIFICATES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
)
STAMP = "loopync.json"
OUTPUT_LINES_SHOWN = 15


def make_environment() -> None:
    """Make sure that there is a `.venv` with pip in it."""
    with alone("environment"):
        if not _has_pip():
            say("Making a Python environment …")
            _make(places.venv())


def install(*extras: str) -> None:
    """Make sure that `.venv` holds the project's packages, and those of `extras`."""
    with alone("packages"):
        stamp = _read(places.venv() / STAMP)
        wanted = sorted({*stamp.get("extras", []), *extras})
        requirements = _requirements(wanted, core=True)
        key = _key(requirements)
        if stamp.get("key") == key:
            return
        say(f"Installing {len(requirements)} Python packages and what they need …")
        _pip_install("packages", *requirements)
        (places.venv() / STAMP).write_text(json.dumps({"key": key, "extras": wanted}))


def install_apart(extra: str) -> Path:
    """The packages of one extra alone, in a folder of their own."""
    with alone(extra):
        folder = places.notes() / extra
        requirements = _requirements([extra], core=False)
        key = _key(requirements)
        if _read(folder / STAMP).get("key") != key:
            say(f"Installing {extra} …")
            shutil.rmtree(folder, ignore_errors=True)
            _pip_install(extra, "--no-deps", "--target", str(folder), *requirements)
            (folder / STAMP).write_text(json.dumps({"key": key}))
        return folder


def _pip_install(name: str, *words: str) -> None:
    command = [str(places.venv_python()), *PIP_INSTALL, *words]
    run(name, command, "The Python packages could not be installed")


def _read(stamp: Path) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(stamp.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return read


def _requirements(extras: Sequence[str], *, core: bool) -> list[str]:
    project = tomllib.loads((places.CHECKOUT / "pyproject.toml").read_text())["project"]
    found: list[str] = list(project["dependencies"]) if core else []
    for extra in extras:
        found += project["optional-dependencies"][extra]
    return found


def _key(requirements: Sequence[str]) -> str:
    versions = (places.CHECKOUT / "constraints.txt").read_text()
    return hashlib.sha256(json.dumps([requirements, versions]).encode()).hexdigest()


def _has_pip() -> bool:
    if not os.access(places.venv_python(), os.X_OK):
        return False
    tried = [str(places.venv_python()), "-c", "import pip"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


def _make(venv: Path) -> None:
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        raise Stop(
            f"{sys.executable} cannot make a virtual environment, for lack of ensurepip. "
            "Install the Debian package python3-venv (apt install python3-venv), and try again."
        ) from None
    command = [sys.executable, "-m", "venv", "--clear", str(venv)]
    run("environment", command, f"{venv} could not be made")


def run(
    name: str,
    command: Sequence[Path | str],
    failure: str,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run it quietly; when it fails, stop with the end of what it said."""
    log = places.notes() / f"{name}.log"
    given = dict(os.environ if environment is None else environment)
    with log.open("wb") as output:
        child = spawn(
            command,
            folder=folder or places.CHECKOUT,
            environment=_trusted_by_system() | given,
            output=output,
            group=os.getpgrp(),  # A Ctrl-C ends it too.
        )
        code = child.wait()
    if code != 0:
        end = log.read_text(errors="replace").strip().splitlines()[-OUTPUT_LINES_SHOWN:]
        raise Stop("\n".join((*end, f"{failure} (all of it is in {log})")), code=1)


def _trusted_by_system() -> dict[str, str]:
    """pip and npm bring certificates of their own, which do not hold a company's proxy."""
    for bundle in CERTIFICATES:
        if bundle.exists():
            return {"PIP_CERT": str(bundle), "NODE_EXTRA_CA_CERTS": str(bundle)}
    return {}


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Only one `./loopync` of this checkout at a time does what is in the block."""
    with (places.notes() / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another ./loopync is setting up; waiting for it …")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
