"""The official parser of AsyncAPI, in a folder of its own: it is some 170 packages of npm's, which
nobody needs who only runs the product."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ops import places, setup, web_build

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json", "check.mjs")
SECONDS_MAX = 60


@dataclass(frozen=True, slots=True)
class Verdict:
    found: list[dict[str, Any]]
    """Errors, warnings and advice alike: code, message, path."""
    operations: list[str]


def judged(description: dict[str, Any]) -> Verdict:
    """What the parser says of the document."""
    node = web_build.find_node()
    folder = _installed(node)
    ended = subprocess.run(
        ["node", "check.mjs"],
        cwd=folder,
        env=node.environment,
        input=msgspec.json.encode(description),
        capture_output=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr.decode()
    return msgspec.json.decode(ended.stdout, type=Verdict)


def _installed(node: web_build.Node) -> Path:
    """The parser as the lock file has it, beside what else was made for this checkout."""
    folder = places.notes() / "asyncapi"
    stamp = folder / "installed"
    key = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()
    with setup.alone("asyncapi"):
        if not stamp.exists() or stamp.read_text() != key:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for name in FILES:
                shutil.copy(HERE / name, folder)
            # Its packages' own scripts have nothing to do here, and one of them tells its makers.
            command = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            setup.run(
                "asyncapi",
                command,
                "The parser of AsyncAPI could not be installed",
                folder=folder,
                environment=node.environment,
            )
            stamp.write_text(key)
    return folder
