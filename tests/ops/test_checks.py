"""The test command: all that fails is counted, whatever the way in which it fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ops.checks import Checks

JUNIT = """<testsuites><testsuite tests="6" failures="1" errors="1" skipped="1"/></testsuites>"""
VITEST = '{"numPassedTests": 4, "numFailedTests": 1, "numPendingTests": 2}'


@pytest.fixture
def checks(tmp_path: Path) -> Checks:
    return Checks(tmp_path)


def python(program: str) -> tuple[str, str, str]:
    return (sys.executable, "-c", program)


def test_a_check_counts_as_one(checks: Checks) -> None:
    checks.step("good", *python("pass"))
    checks.step("bad", *python("exit(3)"))
    assert str(checks.tally) == "1 passed, 1 failed, 0 skipped"
    assert checks.tally.complaints == ["bad: 1 failed"]


def test_python_tests_are_counted_from_their_report(checks: Checks, tmp_path: Path) -> None:
    checks.counted("pytest", python("exit(1)"), _report(tmp_path, "pytest.xml", JUNIT))
    assert str(checks.tally) == "3 passed, 2 failed, 1 skipped"


def test_web_tests_are_counted_from_theirs(checks: Checks, tmp_path: Path) -> None:
    checks.counted("web", python("exit(1)"), _report(tmp_path, "vitest.json", VITEST))
    assert str(checks.tally) == "4 passed, 1 failed, 2 skipped"


def test_tests_that_ended_without_a_report_have_failed(checks: Checks, tmp_path: Path) -> None:
    checks.counted("pytest", python("pass"), tmp_path / "none.xml")
    assert checks.tally.failed == 1


def test_tests_that_end_badly_have_failed_whatever_they_report(
    checks: Checks, tmp_path: Path
) -> None:
    report = _report(tmp_path, "pytest.xml", '<testsuite tests="2"/>')
    checks.counted("pytest", python("exit(1)"), report)
    assert str(checks.tally) == "2 passed, 1 failed, 0 skipped"


def _report(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path
