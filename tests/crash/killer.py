"""kill -9 by a seeded plan: each kind of process once in an order of chance, then whichever."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import get_args

import trio

from tests.crash.product import Product, Target, until

FIRST_SECONDS = 2.0
TOGETHER_SECONDS = 0.3
TOGETHER_CHANCE = 0.25
SETTLED_SECONDS = 2.0
"""The last kill comes so long before the end of the writing, that its outage is seen."""
FOUND_SECONDS_MAX = 20.0
WEIGHTS = {"realtime": 4, "http": 2, "jobs": 1, "postgres": 2, "backend": 2}


@dataclass(frozen=True, slots=True)
class Kill:
    """`at`: seconds from the beginning of the load in a plan, Trio's time once it has happened."""

    at: float
    targets: tuple[Target, ...]

    def __str__(self) -> str:
        return " and ".join(self.targets)


def plan(
    chance: random.Random,
    seconds: float,
    gap_seconds: tuple[float, float],
    targets: Sequence[Target],
) -> Iterator[Kill]:
    """`targets`: these in turn, or, where there are none, every kind by chance."""
    kinds: list[Target] = list(targets or get_args(Target))
    first = list(kinds) if targets else chance.sample(kinds, len(kinds))
    at = FIRST_SECONDS
    while at < seconds - SETTLED_SECONDS:
        weights = [WEIGHTS[kind] for kind in kinds]
        chosen = [first.pop(0) if first else chance.choices(kinds, weights)[0]]
        if not targets and not first and chance.random() < TOGETHER_CHANCE:
            chosen += chance.choices(kinds, weights)
        yield Kill(at, tuple(chosen))
        at += chance.uniform(*gap_seconds)


async def carry_out(kills: Iterable[Kill], product: Product, chance: random.Random) -> list[Kill]:
    """What was done, and when. Raises AssertionError when a process did not come back in time."""
    began = trio.current_time()
    done = []
    for kill in kills:
        await trio.sleep_until(began + kill.at)
        for target in kill.targets:
            killed = await until(partial(product.kill, target, chance), FOUND_SECONDS_MAX)
            assert killed, f"no {target} process for {FOUND_SECONDS_MAX:.0f} s"
            done.append(Kill(trio.current_time(), kill.targets))
            await trio.sleep(chance.uniform(0, TOGETHER_SECONDS) if len(kill.targets) > 1 else 0)
    return done
