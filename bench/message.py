"""`./loopync bench message`: from sending a message to the other's receipt, and to the ack.

Durable messages in direct conversations through one realtime process, at 1,000 a second and at
the highest rate that is delivered whole with a p99 below 50 ms; and the same through
python-socketio, in the same run, step by step in turn.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import report, servers
from bench.contest import Contestant, Trial, contestant
from bench.search import Search
from bench.servers import BenchError

BASE_RATE = 1_000.0
SERVERS = {"loopync": servers.loopync, "python_socketio": servers.python_socketio}
FIRST_RATES = {"loopync": 3_000.0, "python_socketio": 1_000.0}
"""Where each search begins: about what each manages anywhere."""


@dataclass(frozen=True)
class Pace:
    """`steps_max` bounds each search, and with that the whole run."""

    connections: int
    warm_up_rate: float
    warm_up_seconds: float
    base_rate: float
    base_seconds: float
    lead_in_seconds: float
    step_seconds: float
    factor: float
    precision: float
    steps_max: int


FULL = Pace(400, 500.0, 3.0, BASE_RATE, 15.0, 1.0, 6.0, 1.3, 1.04, 14)
QUICK = Pace(400, 500.0, 1.0, BASE_RATE, 3.0, 0.3, 1.5, 1.4, 1.1, 6)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="within 40 s, and less exact")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--only", choices=SERVERS, help="without comparison: the other one does not run"
    )


def main(options: argparse.Namespace) -> None:
    pace = QUICK if options.quick else FULL
    names = [name for name in SERVERS if options.only in (None, name)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        results = measure(pace, names)
    except BenchError as error:
        sys.exit(f"loopync bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    report.show(results)
    if options.json is not None:
        report.write(options.json, "message", results)


def measure(pace: Pace, names: list[str]) -> dict[str, report.Result]:
    """Raises BenchError. Leaves nothing behind."""
    with ExitStack() as stack:
        contestants = []
        for name in names:
            data = Path(stack.enter_context(folder()))
            server = stack.enter_context(SERVERS[name](data, pace.connections))
            contestants.append(stack.enter_context(contestant(server)))
        bases = {}
        for one in contestants:
            _try(one, pace.warm_up_rate, 0.0, pace.warm_up_seconds)
            bases[one.name] = _try(one, pace.base_rate, pace.lead_in_seconds, pace.base_seconds)
        bests = _search(contestants, pace)
        return {
            one.name: report.Result(bases[one.name], bests[one.name], one.check_stored())
            for one in contestants
        }


def folder() -> tempfile.TemporaryDirectory[str]:
    """On a disk: /tmp may be memory, where nothing is durable."""
    where = os.environ.get("TMPDIR") or ("/var/tmp" if Path("/var/tmp").is_dir() else None)
    return tempfile.TemporaryDirectory(prefix="loopync-bench-", dir=where)


def _search(contestants: list[Contestant], pace: Pace) -> dict[str, Trial]:
    """The best trial of each; step by step in turn, so that a noisy minute meets both."""
    searches = {
        one.name: Search(FIRST_RATES[one.name], pace.factor, pace.precision, pace.steps_max)
        for one in contestants
    }
    bests: dict[str, Trial] = {}
    going_on = True
    while going_on:
        going_on = False
        for one in contestants:
            search = searches[one.name]
            rate = search.next_rate()
            if rate is None:
                continue
            going_on = True
            trial = _try(one, rate, pace.lead_in_seconds, pace.step_seconds)
            search.tell(trial.passed)
            if trial.passed:
                bests[one.name] = trial
    for one in contestants:
        if one.name not in bests:
            raise BenchError(f"{one.name} passed at no rate")
    return bests


def _try(one: Contestant, rate: float, lead_in_seconds: float, seconds: float) -> Trial:
    trial = one.run(rate, lead_in_seconds=lead_in_seconds, seconds=seconds)
    report.show_trial(one.name, trial)
    return trial
