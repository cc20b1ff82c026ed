"""`./loopync test`: every check there is, or the Python tests that pytest's arguments choose.

All of it runs even when something fails, so that one run tells everything. The last line counts
tests of both languages; a check that is no test counts as one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as Xml
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops import places, web_build
from ops.report import said_to_person
from ops.say import say

COVERED_PERCENT_MIN = 85
PACKAGES_COVERED_PERCENT_MIN = {"storage": 90, "realtime": 90}


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    complaints: list[str] = field(default_factory=list)

    def add(self, name: str, passed: int, failed: int, skipped: int) -> None:
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        if failed:
            self.complaints.append(f"{name}: {failed} failed")

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


class Checks:
    def __init__(self, reports: Path) -> None:
        self.tally = Tally()
        self._reports = reports

    def step(self, name: str, *command: str | Path, **where: Any) -> bool:
        """A check that passes or fails as a whole."""
        passed = self._run(name, command, **where)
        self.tally.add(name, int(passed), int(not passed), 0)
        return passed

    def counted(self, name: str, command: Sequence[str | Path], report: Path, **where: Any) -> None:
        """Tests that write a report: pytest's XML, or vitest's JSON."""
        passed = self._run(name, command, **where)
        try:
            done, failed, skipped = _count(report)
        except (OSError, ValueError, Xml.ParseError):
            done, failed, skipped = 0, 1, 0  # They ended before they could report.
        self.tally.add(name, done, failed or int(not passed), skipped)

    def python_tests(self, arguments: Sequence[str]) -> None:
        report = self._fresh("pytest.xml")
        pytest = ("coverage", "run", "-m", "pytest", "-q", "-rfEs", f"--junitxml={report}")
        self.counted("pytest", (sys.executable, "-m", *pytest, *arguments), report)

    def coverage(self) -> None:
        coverage = (sys.executable, "-m", "coverage")
        self._run("coverage", (*coverage, "combine", "-q"))
        self.step("coverage of everything", *coverage, "report", *_at_least(COVERED_PERCENT_MIN))
        for package, percent in PACKAGES_COVERED_PERCENT_MIN.items():
            include = f"--include={package}/*"
            self.step(f"coverage of {package}", *coverage, "report", include, *_at_least(percent))

    def web(self) -> None:
        node = web_build.prepare()
        where = {"folder": places.web(), "environment": node.environment}
        self.step("web types", *node.npm, "run", "check", **where)
        report = self._fresh("vitest.json")
        reporters = ("--reporter=default", "--reporter=json", f"--outputFile.json={report}")
        test = (*node.npm, "run", "test", "--", *reporters)
        self.counted("web tests", test, report, **where)

    def _fresh(self, name: str) -> Path:
        report = self._reports / name
        report.unlink(missing_ok=True)
        return report

    def _run(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        folder: Path = places.CHECKOUT,
        environment: Mapping[str, str] = os.environ,
    ) -> bool:
        say(f"\n── {name}")
        began = time.monotonic()
        # The children of the tests measure too, wherever they are started.
        told = {**environment, "COVERAGE_FILE": str(self._reports / "coverage")}
        words = [str(word) for word in command]
        ended = subprocess.run(words, cwd=folder, env=told, check=False)
        say(f"── {name}: {ended.returncode or 'ok'}, {time.monotonic() - began:.1f} s")
        return ended.returncode == 0


def _at_least(percent: int) -> tuple[str, str]:
    return (f"--fail-under={percent}", "--skip-empty")


def _count(report: Path) -> tuple[int, int, int]:
    """Passed, failed, skipped."""
    if report.suffix == ".json":
        told = json.loads(report.read_text())
        failed = told["numFailedTests"] or told.get("numFailedTestSuites", 0)
        skipped = told["numPendingTests"] + told.get("numTodoTests", 0)
        return told["numPassedTests"], failed, skipped
    passed = failed = skipped = 0
    for suite in Xml.parse(report).getroot().iter("testsuite"):
        count = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
        failed += count["failures"] + count["errors"]
        skipped += count["skipped"]
        passed += count["tests"] - count["failures"] - count["errors"] - count["skipped"]
    return passed, failed, skipped


def run(arguments: Sequence[str]) -> Tally:
    checks = Checks(places.notes())
    if arguments:
        # Somebody looks for one thing, so only that is run.
        checks.python_tests(arguments)
        return checks.tally
    python = (sys.executable, "-m")
    checks.step("ruff", *python, "ruff", "check")
    checks.step("ruff format", *python, "ruff", "format", "--check")
    checks.step("mypy", *python, "mypy")
    checks.step("layers", Path(sys.executable).with_name("lint-imports"), "--no-cache")
    checks.python_tests([])
    checks.coverage()
    checks.web()
    return checks.tally


def main() -> int:
    tally = run(sys.argv[1:])
    say("")
    for complaint in tally.complaints:
        say(complaint)
    say(str(tally))
    return 1 if tally.failed else 0


if __name__ == "__main__":
    with said_to_person():
        sys.exit(main())
