"""What a run found: lines while it runs, a table at its end, and a file for other programs."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from bench.contest import Trial
from bench.servers import LIMITS_SCALE

OURS = "loopync"

Told: TypeAlias = dict[str, Any]
"""{"scenario", "command", "machine", "figures": {name: number}, "peers": {peer: {name: number}}}"""


@dataclass(frozen=True)
class Result:
    """`base` at the fixed rate, `best` at the highest that passed, if any; `stored` messages."""

    base: Trial
    best: Trial | None
    stored: int


def figures(result: Result) -> dict[str, float]:
    """Names end in their unit. 0 messages a second, when no rate passed."""
    base, best = result.base.outcome, result.best
    numbers = {
        "delivery_ms_p50": base.delivery.p50,
        "delivery_ms_p95": base.delivery.p95,
        "delivery_ms_p99": base.delivery.p99,
        "ack_ms_p50": base.ack.p50,
        "ack_ms_p95": base.ack.p95,
        "ack_ms_p99": base.ack.p99,
        "messages_per_second": best.rate if best is not None else 0.0,
    }
    if best is not None:
        numbers |= {
            "delivery_ms_p99_at_max": best.outcome.delivery.p99,
            "ack_ms_p99_at_max": best.outcome.ack.p99,
            "messages_per_cpu_second": best.messages_per_cpu_second,
        }
    return numbers


def show_trial(name: str, trial: Trial) -> None:
    outcome = trial.outcome
    cpu = [
        f"{part} {100 * seconds / trial.seconds:.0f} %"
        for part, seconds in (
            ("server", trial.server_cpu_seconds),
            ("postgres", trial.postgres_cpu_seconds),
            ("generator", outcome.generator_cpu_seconds),
            ("others", trial.others_cpu_seconds),
        )
    ]
    print(
        f"{name:>16} {trial.rate:>7,.0f}/s  delivery {outcome.delivery.p50:6.1f} "
        f"{outcome.delivery.p95:6.1f} {outcome.delivery.p99:6.1f}  ack {outcome.ack.p50:6.1f} "
        f"{outcome.ack.p95:6.1f} {outcome.ack.p99:6.1f} ms  cpu {', '.join(cpu)}  "
        f"{trial.why_not or 'ok'}",
        flush=True,
    )


def told(scenario: str, results: dict[str, Result]) -> Told:
    """What the run found, for other programs; `figures` are ours, with a ratio to each peer."""
    peers = {name: figures(result) for name, result in results.items() if name != OURS}
    ours = figures(results[OURS]) if OURS in results else {}
    for name, theirs in peers.items():
        if ours and theirs["messages_per_second"]:
            ours[f"ratio_{name}"] = ours["messages_per_second"] / theirs["messages_per_second"]
    return {
        "scenario": scenario,
        "command": " ".join(["./loopync", "bench", *sys.argv[1:]]),
        "machine": machine() | {"others_cpu_percent": _others(results)},
        "figures": _rounded(ours),
        "peers": {name: _rounded(each) for name, each in peers.items()},
    }


def table(told: Told) -> str:
    """The same for a person, as Markdown."""
    columns = {OURS: told["figures"], **told["peers"]}
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    rows = [
        ["", *columns],
        ["---", *["---:"] * len(columns)],
        *(
            [name, *(f"{c[name]:,}" if name in c else "" for c in columns.values())]
            for name in names
        ),
    ]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    aligned = ([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in aligned)


def machine() -> dict[str, Any]:
    """What the figures depend on besides the program."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "settings": {"LOOPYNC_LIMITS": LIMITS_SCALE},
    }


def _others(results: dict[str, Result]) -> float:
    """What had no part in it took so much of the machine, of 100 for each core."""
    trials = [
        trial
        for result in results.values()
        for trial in (result.base, result.best)
        if trial is not None
    ]
    share = sum(t.others_cpu_seconds for t in trials) / sum(t.seconds for t in trials)
    return round(100 * share, 1)


def _rounded(exact: dict[str, float]) -> dict[str, float]:
    return {name: _round(value) for name, value in exact.items()}


def _round(value: float) -> float:
    return round(value, 2) if value < 1000 else round(value)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
