"""What a test may ask of the machine, as marks that say in words what is missing.

    @needs_package("chromium")
    def test_…

`scale(n)` is how many rounds or seeds to run: `n` times LOOPYNC_TEST_SCALE.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

# Where to see that a Debian package is there, whoever installed the program.
PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "faketime": ("/usr/bin/faketime",),
    "postgresql-15": ("/usr/lib/postgresql/15/bin/postgres",),
}


def needs_package(name: str) -> pytest.MarkDecorator:
    assert name in PROGRAMS, f"say in tests/needs.py how to see that {name} is there"
    return pytest.mark.needs_package(name)


def needs_root() -> pytest.MarkDecorator:
    return pytest.mark.needs_root


def needs_namespaces() -> pytest.MarkDecorator:
    return pytest.mark.needs_namespaces


def program(package: str) -> Path:
    """Where a package's program is; only for tests marked with `needs_package`."""
    found = _program(package)
    assert found is not None, f"the test lacks needs_package({package!r})"
    return found


def scale(rounds: int) -> int:
    return max(1, round(rounds * float(os.environ.get("LOOPYNC_TEST_SCALE") or 1)))


def strict() -> bool:
    return os.environ.get("LOOPYNC_TEST_STRICT") == "1"


def missing_for(marks: Iterable[pytest.Mark]) -> str | None:
    """The first need that this machine does not meet, in words; None when all are met."""
    for mark in marks:
        if mark.name == "needs_package" and _program(mark.args[0]) is None:
            return f"the Debian package {mark.args[0]} is missing"
        if mark.name == "needs_root" and os.geteuid() != 0:
            return "this needs root"
        if mark.name == "needs_namespaces" and not _namespaces():
            return "this needs leave to make network and mount namespaces"
    return None


@cache
def _program(package: str) -> Path | None:
    for name in PROGRAMS[package]:
        if found := shutil.which(name):
            return Path(found)
    return None


@cache
def _namespaces() -> bool:
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    # --map-root-user lets an ordinary user try too, where the kernel allows it.
    tried = subprocess.run(
        [unshare, "--net", "--mount", "--map-root-user", "true"], capture_output=True, check=False
    )
    return tried.returncode == 0
