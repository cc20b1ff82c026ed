"""What could make two runs of one seed differ, in one place: time, ids, order, chance."""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeVar
from unittest.mock import patch
from uuid import UUID

import trio
import uuid_utils.compat
from trio._core import _run as trio_run
from trio.testing import MockClock

from storage import clock

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
LINES_KEPT = 4_000

R = TypeVar("R")


class Trace:
    """What happened, in order. `digest` covers more than the lines: every statement of SQL too."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._hash = hashlib.sha256()

    def note(self, who: str, what: str) -> None:
        line = f"{trio.current_time():9.4f} {who}: {what}"
        self.lines.append(line)
        self._hash.update(line.encode())

    def mix(self, who: str, what: str) -> None:
        """Too small to be told, but no less part of what happened."""
        self._hash.update(f"{trio.current_time():.9f} {who} {what}".encode())

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


class SimulatedDatetime(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return (EPOCH + timedelta(seconds=trio.current_time())).astimezone(tz)


def simulated(seed: int, work: Callable[[], Awaitable[R]]) -> R:
    """Run `work` under the simulated clock, with everything that is left to chance seeded."""
    with _seeded(seed):
        return trio.run(work, clock=MockClock(autojump_threshold=0))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    chance = random.Random(f"ids {seed}")

    def uuid7() -> UUID:
        milliseconds = int((EPOCH.timestamp() + trio.current_time()) * 1000)
        tail = chance.getrandbits(80)
        number = (milliseconds << 80 | tail) & ~(0xF << 76) | 0x7 << 76
        return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)

    before = random.getstate(), trio_run._r.getstate()
    random.seed(f"global {seed}")
    trio_run._r.seed(f"scheduler {seed}")
    with (
        # As Trio's own plug-in for Hypothesis does it.
        patch.object(trio_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True),
        patch.object(uuid_utils.compat, "uuid7", uuid7),
        patch.object(clock, "datetime", SimulatedDatetime),
    ):
        try:
            yield
        finally:
            random.setstate(before[0])
            trio_run._r.setstate(before[1])
