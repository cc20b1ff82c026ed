"""The controls: bugs planted in the product, each found by the invariant that it breaks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.simulation import planted
from tests.simulation.database import Postgres
from tests.simulation.failures import Invariant
from tests.simulation.run import run_seed

SEEDS_MAX = 12
"""Each is found long before; after so many the simulation has not seen it."""

BUGS: dict[Callable[[Postgres], AbstractContextManager[object]], set[Invariant]] = {
    planted.dedupe_race: {Invariant.STORED_ONCE},
    planted.ack_before_commit: {Invariant.ACKED_IS_STORED},
    planted.skipped_gap: {Invariant.IN_ORDER},
    planted.lost_unsubscribe: {Invariant.NOTHING_ELSE},
    planted.forgotten_listener: {Invariant.NOTHING_LEFT},
    planted.mark_moves_back: {Invariant.MARKS},
    planted.replay_off_by_one: {Invariant.IN_ORDER},
    planted.little_is_replayed: {Invariant.NO_RESYNC},
    planted.snapshot_ahead_of_itself: {Invariant.THREADS},
    planted.held_too_shortly: {Invariant.IN_ORDER},
    planted.lease_is_kept: {Invariant.NOTHING_LEFT},
    planted.dead_are_not_reaped: {Invariant.NOTHING_LEFT},
    planted.tips_are_not_compared: {Invariant.COMPLETE},
    planted.presence_is_not_told: {Invariant.PRESENCE},
    planted.own_words_are_unread: {Invariant.UNREAD},
}


@pytest.mark.fault
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found_for_its_reason(
    bug: Callable[[Postgres], AbstractContextManager[object]], postgres: Postgres
) -> None:
    with bug(postgres):
        for seed in range(SEEDS_MAX):
            outcome = run_seed(seed, postgres)
            if outcome.failures:
                break
    assert outcome.failures, f"{SEEDS_MAX} seeds have not found it"
    assert outcome.failures[0][0] in BUGS[bug], outcome.report()
