"""`./loopync` itself: a shell script that finds a Python, from any folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
TOOLS = ("sh", "dirname", "readlink", "basename", "env")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with a shell's tools and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return folder


def script(path: Path, words: str) -> None:
    path.write_text(f"#!/bin/sh\n{words}\n")
    path.chmod(0o755)


def call(
    path: Path, *arguments: str, folder: Path = CHECKOUT, **environment: str
) -> subprocess.CompletedProcess[str]:
    known = {"PATH": str(path), "HOME": str(path)}
    return subprocess.run(
        [CHECKOUT / "loopync", *arguments],
        cwd=folder,
        env=known | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_python_it_says_what_to_install(path: Path) -> None:
    ended = call(path, "--help")
    assert ended.returncode == 2
    assert ended.stderr.startswith("loopync: needs Python 3.11 or newer, and found none.")


def test_a_python_of_another_version_is_passed_over(path: Path) -> None:
    script(path / "python3", "exit 1")
    assert call(path, "--help").returncode == 2
    (path / "python3.12").symlink_to(sys.executable)
    assert call(path, "--help").stdout.startswith("./loopync up ")


def test_it_finds_a_python_of_pyenv(path: Path) -> None:
    folder = path / ".pyenv" / "versions" / "3.11.7" / "bin"
    folder.mkdir(parents=True)
    (folder / "python3").symlink_to(sys.executable)
    assert call(path, "--help").returncode == 0


def test_it_works_from_any_folder_and_through_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "ops.py").write_text("raise SystemExit('not this file')")
    (tmp_path / "loopync").symlink_to(CHECKOUT / "loopync")
    environment = {"PATH": str(path), "LOOPYNC_PYTHON": sys.executable}
    called = [str(tmp_path / "loopync"), "help"]
    ended = subprocess.run(
        called, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_relative_data_folder_is_the_callers(path: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    ended = call(
        path, "up", folder=tmp_path, LOOPYNC_PYTHON=sys.executable, LOOPYNC_DATA="mine/data"
    )
    assert ended.returncode == 2
    assert f"LOOPYNC_DATA is '{tmp_path}/mine/data'" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dance"], "loopync: There is no ./loopync dance. See ./loopync --help.\n"),
        (["up", "now"], "loopync: ./loopync up takes no arguments"),
    ],
)
def test_what_it_does_not_know_it_says(path: Path, arguments: list[str], message: str) -> None:
    ended = call(path, *arguments, LOOPYNC_PYTHON=sys.executable)
    assert ended.returncode == 2
    assert ended.stderr.startswith(message)


def test_a_wrong_setting_is_said_before_anything_is_installed(path: Path) -> None:
    ended = call(path, "up", LOOPYNC_PYTHON=sys.executable, LOOPYNC_WS_PORT="high")
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


def test_it_is_executable() -> None:
    assert os.access(CHECKOUT / "loopync", os.X_OK)
