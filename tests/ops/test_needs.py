"""What a machine lacks is named and counted; where nothing may be lacking, it is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import scale

CHECKOUT = Path(__file__).resolve().parents[2]
TESTS = """
from tests.needs import needs_package

def test_that_needs_nothing():
    pass

@needs_package("postgresql-15")
def test_that_needs_what_is_not_there():
    raise AssertionError("must not be run")
"""


def run(tmp_path: Path, *, strict: str) -> str:
    (tmp_path / "test_needs.py").write_text(TESTS)
    # PROGRAMS is asked for a file that no machine has.
    plugin = "import tests.needs; tests.needs.PROGRAMS['postgresql-15'] = ('/nowhere/postgres',)"
    (tmp_path / "lacking.py").write_text(plugin)
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-rs", "-p", "lacking", "-p", "tests.plugin_needs"),
            *("-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path / "test_needs.py"),
        ],
        env=os.environ | {"PYTHONPATH": f"{CHECKOUT}:{tmp_path}", "LOOPYNC_TEST_STRICT": strict},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout


def test_a_missing_package_skips_the_test_and_is_named(tmp_path: Path) -> None:
    said = run(tmp_path, strict="0")
    assert "the Debian package postgresql-15 is missing" in said
    assert "1 passed, 1 skipped" in said


def test_strict_it_fails_for_that_reason(tmp_path: Path) -> None:
    said = run(tmp_path, strict="1")
    assert "LOOPYNC_TEST_STRICT=1 and the Debian package postgresql-15 is missing" in said
    assert "1 passed" in said
    assert "1 error" in said


@pytest.mark.parametrize(("factor", "rounds"), [("", 20), ("1", 20), ("10", 200), ("0.01", 1)])
def test_rounds_are_scaled(monkeypatch: pytest.MonkeyPatch, factor: str, rounds: int) -> None:
    monkeypatch.setenv("LOOPYNC_TEST_SCALE", factor)
    assert scale(20) == rounds
