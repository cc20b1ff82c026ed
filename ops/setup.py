"""Makes the virtual environment, and brings it up to date when what it should hold changed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ops import places
from ops.say import Stop, say

# Bytecode is made at the first import anyway; here it would double the time.
PIP_INSTALL = (
    *("-m", "pip", "install", "--no-compile", "--disable-pip-version-check"),
    *("--constraint", "constraints.txt"),
)
STAMP = "loopync.json"
OUTPUT_LINES_SHOWN = 15


def install(*extras: str) -> None:
    """Make sure that `.venv` holds the project's packages, and those of `extras`."""
    with alone("setup"):
        venv, python = places.venv(), places.venv_python()
        have = _stamp(venv)
        wanted = sorted({*have.get("extras", []), *extras})
        requirements = _requirements(wanted)
        key = _key(requirements)
        if have.get("key") == key and os.access(python, os.X_OK):
            return
        if not _has_pip():
            say("Making a Python environment …")
            _make(venv)
        say(f"Installing {len(requirements)} Python packages and what they need …")
        command = [str(python), *PIP_INSTALL, *requirements]
        run(command, "The Python packages could not be installed")
        (venv / STAMP).write_text(json.dumps({"key": key, "extras": wanted}))


def _stamp(venv: Path) -> dict[str, list[str] | str]:
    try:
        stamp: dict[str, list[str] | str] = json.loads((venv / STAMP).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return stamp


def _requirements(extras: Sequence[str]) -> list[str]:
    project = tomllib.loads((places.CHECKOUT / "pyproject.toml").read_text())["project"]
    found: list[str] = list(project["dependencies"])
    for extra in extras:
        found += project["optional-dependencies"][extra]
    return found


def _key(requirements: Sequence[str]) -> str:
    versions = (places.CHECKOUT / "constraints.txt").read_text()
    return hashlib.sha256(json.dumps([requirements, versions]).encode()).hexdigest()


def _has_pip() -> bool:
    if not os.access(places.venv_python(), os.X_OK):
        return False
    tried = [places.venv_python(), "-c", "import pip"]
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
    run(command, f"{venv} could not be made")


def run(
    command: Sequence[Path | str],
    failure: str,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run it quietly; when it fails, stop with the end of what it said."""
    log = places.notes() / "setup.log"
    with log.open("wb") as output:
        ended = subprocess.run(
            list(command),
            cwd=folder or places.CHECKOUT,
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode != 0:
        end = log.read_text(errors="replace").strip().splitlines()[-OUTPUT_LINES_SHOWN:]
        raise Stop("\n".join((*end, f"{failure} (all of it is in {log})")), code=1)


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
