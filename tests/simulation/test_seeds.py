"""The realtime core through loss, delay, crashes and crowds: what is promised holds for every seed.

Processes, sockets' parser and queues, gate, rules and SQL are the real ones; the clients are the
product's own Python SDK. Time, network, bus, faults and Trio's scheduler follow from the seed.

A failure names its seed. `python -m tests.simulation.run SEED` shows the whole run again, and
LOOPYNC_SIMULATION_SEEDS=17,42 runs those seeds alone. LOOPYNC_TEST_SCALE multiplies their number.
"""

from __future__ import annotations

import os

import pytest

from tests.needs import scale
from tests.simulation.database import Postgres
from tests.simulation.run import run_seed

SEEDS = 200
SEEDS_OF_A_TEST = 5


def chosen() -> list[range]:
    named = os.environ.get("LOOPYNC_SIMULATION_SEEDS")
    if named:
        return [range(int(seed), int(seed) + 1) for seed in named.split(",")]
    count = scale(SEEDS)
    starts = range(0, count, SEEDS_OF_A_TEST)
    return [range(start, min(start + SEEDS_OF_A_TEST, count)) for start in starts]


@pytest.mark.fault
@pytest.mark.parametrize("seeds", chosen(), ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_everything_arrives_once_and_in_order_whatever_happens(
    seeds: range, postgres: Postgres
) -> None:
    failed = [outcome for seed in seeds if (outcome := run_seed(seed, postgres)).failures]
    assert not failed, "\n\n".join(outcome.report() for outcome in failed)
