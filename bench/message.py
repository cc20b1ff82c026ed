"""`./loopync bench message`: from sending a message to the other's receipt, and to the ack.

Durable messages in direct conversations through one realtime process, at 1,000 a second and at
the highest rate that is delivered whole with a p99 below 50 ms; and the same through
python-socketio, in the same run, step by step in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import report, servers
from bench.contest import Contestant, Trial, contestant
from bench.search import TRIES_MAX, Search
from bench.servers import BenchError

BASE_RATE = 1_000.0
SERVERS = {"loopync": servers.loopync, "python_socketio": servers.python_socketio}
FIRST_RATES = {"loopync": 4_000.0, "python_socketio": 1_500.0}


@dataclass(frozen=True)
class Pace:
    """`steps_max` bounds each search; no step begins that would end after `seconds_max`."""

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
    seconds_max: float
    first_rates: Mapping[str, float]
    """Where each search begins: about what each manages on a small machine."""


FULL = Pace(
    connections=400,
    warm_up_rate=500.0,
    warm_up_seconds=3.0,
    base_rate=BASE_RATE,
    base_seconds=15.0,
    lead_in_seconds=1.0,
    step_seconds=6.0,
    factor=1.3,
    precision=1.04,
    steps_max=16,
    seconds_max=500.0,
    first_rates=FIRST_RATES,
)
QUICK = Pace(
    connections=400,
    warm_up_rate=500.0,
    warm_up_seconds=1.0,
    base_rate=BASE_RATE,
    base_seconds=2.0,
    lead_in_seconds=0.3,
    step_seconds=1.5,
    factor=1.4,
    precision=1.1,
    steps_max=8,
    seconds_max=33.0,
    first_rates=FIRST_RATES,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="within 40 s, and less exact")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--only", choices=SERVERS, help="without comparison: the other one does not run"
    )


def main(options: argparse.Namespace) -> None:
    if options.json is not None and not os.access(options.json.absolute().parent, os.W_OK):
        sys.exit(f"loopync bench: {options.json} cannot be written")  # Said before, not after.
    pace = QUICK if options.quick else FULL
    names = [name for name in SERVERS if options.only in (None, name)]
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        results = measure(pace, names)
    except BenchError as error:
        sys.exit(f"loopync bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    told = report.told("message", results)
    print(f"\n{report.table(told)}")
    for name in (name for name in names if results[name].best is None):
        print(f"\n{name} passed at no rate that was tried: the machine may be too busy.")
    if options.json is not None:
        options.json.write_text(json.dumps(told, indent=2) + "\n")


def measure(pace: Pace, names: list[str]) -> dict[str, report.Result]:
    """Raises BenchError. Leaves nothing behind."""
    deadline = time.monotonic() + pace.seconds_max
    with ExitStack() as stack:
        contestants = []
        for name in names:
            data = Path(stack.enter_context(folder()))
            server = stack.enter_context(SERVERS[name](data, pace.connections))
            contestants.append(stack.enter_context(contestant(server)))
        bases: dict[str, Trial] = {}
        bests: dict[str, Trial] = {}
        for one in contestants:
            warm_up = _try(one, pace.warm_up_rate, 0.0, pace.warm_up_seconds)
            bases[one.name] = _base(one, pace)
            passed = [trial for trial in (warm_up, bases[one.name]) if trial.passed]
            if passed:
                bests[one.name] = passed[-1]
        _search(contestants, bests, pace, deadline)
        return {
            one.name: report.Result(bases[one.name], bests.get(one.name), one.check_stored())
            for one in contestants
        }


def folder() -> tempfile.TemporaryDirectory[str]:
    """On a disk: /tmp may be memory, where nothing is durable."""
    where = os.environ.get("TMPDIR") or ("/var/tmp" if Path("/var/tmp").is_dir() else None)
    return tempfile.TemporaryDirectory(prefix="loopync-bench-", dir=where)


def _base(one: Contestant, pace: Pace) -> Trial:
    """At the fixed rate; the better of two when the first met a bad moment."""
    trials: list[Trial] = []
    while len(trials) < TRIES_MAX and not any(trial.passed for trial in trials):
        trials.append(_try(one, pace.base_rate, pace.lead_in_seconds, pace.base_seconds))
    return min(trials, key=lambda trial: trial.outcome.delivery.p99)


def _search(
    contestants: list[Contestant], bests: dict[str, Trial], pace: Pace, deadline: float
) -> None:
    """Improve the best trial of each, step by step in turn, so that a noisy minute meets both."""
    searches = {
        one.name: Search(
            pace.first_rates[one.name],
            pace.factor,
            pace.precision,
            pace.steps_max,
            best=bests[one.name].rate if one.name in bests else None,
        )
        for one in contestants
    }
    in_turn = deque(contestants)
    while in_turn and time.monotonic() + pace.lead_in_seconds + pace.step_seconds < deadline:
        one = in_turn.popleft()
        rate = searches[one.name].next_rate()
        if rate is None:
            continue
        in_turn.append(one)
        trial = _try(one, rate, pace.lead_in_seconds, pace.step_seconds)
        searches[one.name].tell(trial.passed)
        if trial.passed:
            bests[one.name] = trial


def _try(one: Contestant, rate: float, lead_in_seconds: float, seconds: float) -> Trial:
    trial = one.run(rate, lead_in_seconds=lead_in_seconds, seconds=seconds)
    report.show_trial(one.name, trial)
    return trial
