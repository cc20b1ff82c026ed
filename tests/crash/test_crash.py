"""30 clients write while the real program is killed, piece by piece, for a minute.

What a seed decides is who does what and what is killed when; the machine decides how these meet.
A failure names its seed: LOOPYNC_TEST_SEED=… makes the same choices again.
"""

from __future__ import annotations

import faulthandler
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import trio

from ops.say import say
from storage.database import open_database
from tests.crash.product import Product, Target, running_product
from tests.crash.run import Outcome, Run, Shape
from tests.needs import scale

pytestmark = pytest.mark.fault

LOAD_SECONDS = 60
SLOW_START_SECONDS = 15.0
"""Where the start alone takes longer, several times as long as it should, the load is half as long:
then one of each kind is killed, and hardly more."""
TEST_SECONDS_MAX = 145.0
"""Of a whole test, beyond its load when that is longer than by default."""
CONTROL_SECONDS_MAX = 75.0
"""Beyond the start."""
OUTAGE_SECONDS_MAX = {"realtime": 15.0, "postgres": 30.0}
STARTS_MAX = 2
"""Far above the bars, and beyond that as often as the whole program could have started: other
things are done on this machine too. What is printed is to be compared."""
FEW = Shape(
    people=8,
    devices=12,
    admins=1,
    groups_max=2,
    seconds=12.0,
    pause_seconds=(0.02, 0.3),
    gap_seconds=(1.5, 2.5),
    settle_seconds_max=6.0,
)


def seed() -> int:
    return int(os.environ.get("LOOPYNC_TEST_SEED") or random.SystemRandom().randrange(10_000))


async def judged(product: Product, shape: Shape, seconds_max: float) -> Outcome:
    """The outcome, printed. Raises TimeoutError with a sentence when it takes too long."""
    chosen = seed()
    say(f"seed {chosen}")
    run = Run(product, shape, chosen)
    try:
        with trio.fail_after(seconds_max):
            outcome = await run.outcome()
    except trio.TooSlowError:
        said = product.said.read_text()
        raise TimeoutError(
            f"seed {chosen}: not over after {seconds_max:.0f} s, but {run.phase}\n{said}"
        ) from None
    say(str(outcome))
    return outcome


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """A longer load than by default must not be taken for a test that hangs."""
    if seconds > LOAD_SECONDS:
        assert sys.__stderr__ is not None
        limit = TEST_SECONDS_MAX + seconds
        faulthandler.dump_traceback_later(limit, exit=True, file=sys.__stderr__)
    yield


async def test_everybody_has_everything_once_whatever_is_killed(tmp_path: Path) -> None:
    seconds: float = scale(LOAD_SECONDS)
    with patience(seconds):
        async with running_product(tmp_path / "data") as product:
            seconds_max = TEST_SECONDS_MAX - product.start_seconds + max(0, seconds - LOAD_SECONDS)
            if product.start_seconds > SLOW_START_SECONDS:
                seconds /= 2
                say(
                    f"a slow machine: {product.start_seconds:.0f} s to start, {seconds:.0f} of load"
                )
            outcome = await judged(product, Shape(seconds=seconds), seconds_max)
            assert outcome.is_clean, str(outcome)
            assert "Nothing differs." in await product.admin("verify")
            assert product.errors() == []
    assert {target for kill in outcome.kills for target in kill.targets} == set(get_args(Target))
    for outage in outcome.outages:
        for target, allowed in OUTAGE_SECONDS_MAX.items():
            if outage.kill.targets == (target,):
                seconds_allowed = allowed + STARTS_MAX * product.start_seconds
                assert outage.answer_seconds < seconds_allowed, str(outcome)
                assert outage.delivery_seconds < seconds_allowed, str(outcome)


async def controlled(product: Product, *targets: Target) -> set[str]:
    """The kinds of violation of a shorter run in which these are killed in turn."""
    outcome = await judged(product, replace(FEW, targets=targets), CONTROL_SECONDS_MAX)
    return {violation.kind for violation in outcome.violations}


async def test_a_database_that_answers_before_it_has_written_loses_what_was_acked(
    tmp_path: Path,
) -> None:
    late = "synchronous_commit = off\nwal_writer_delay = 10s\nwal_writer_flush_after = 2GB\n"
    async with running_product(tmp_path / "data", postgres_options=late) as product:
        assert "lost" in await controlled(product, "postgres")


async def test_an_answer_before_the_commit_is_an_answer_to_nothing(tmp_path: Path) -> None:
    async with running_product(tmp_path / "data", planted="ack_before_commit") as product:
        assert "lost" in await controlled(product, "realtime")


async def test_without_dedupe_what_is_sent_again_is_there_twice(tmp_path: Path) -> None:
    async with running_product(tmp_path / "data", planted="no_dedupe") as product:
        async with open_database(product.database_url, connections_max=1) as database:
            await database.script("DROP INDEX messages_once")
        assert "doubled" in await controlled(product, "realtime")
