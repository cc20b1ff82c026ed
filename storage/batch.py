"""Many callers, one transaction: who arrives while a batch commits rides in the next one.

Nobody waits for a batch to fill. Alone, a caller is a batch of one; under load the batches
grow by themselves, and a commit to disk is shared by all that are in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

import trio

from storage.errors import Refusal, Unavailable

BATCH_ITEMS_MAX = 256
WAITING_ITEMS_MAX = 5_000  # Of at most some 16 KB each.
LANES = 2
"""Batches in flight at once. Two keep the disk busy; more only make the slowest caller slower."""

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

Settled: TypeAlias = Outcome | Exception


class _Waiting(Generic[Item, Outcome]):
    __slots__ = ("done", "item", "outcome")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = trio.Event()
        self.outcome: Settled[Outcome] = Unavailable("database", "ended before it was stored")

    def settle(self, outcome: Settled[Outcome]) -> None:
        self.outcome = outcome
        self.done.set()


class Batcher(Generic[Item, Outcome]):
    """`commit` gets up to BATCH_ITEMS_MAX items and answers one outcome for each, in order.

    An outcome that is an exception is raised in the caller whose item it was. A refusal that
    `commit` itself raises is every caller's answer; another exception is the cause of theirs.
    """

    def __init__(
        self, commit: Callable[[Sequence[Item]], Awaitable[Sequence[Settled[Outcome]]]]
    ) -> None:
        self._commit = commit
        self._waiting: deque[_Waiting[Item, Outcome]] = deque()
        self._idle_lanes = trio.lowlevel.ParkingLot()

    async def submit(self, item: Item) -> Outcome:
        """Wait for the batch that carries `item`. Cancelled, it may or may not have happened."""
        if len(self._waiting) >= WAITING_ITEMS_MAX:
            raise Unavailable("database", "too much is waiting", retry_after_seconds=1)
        waiting: _Waiting[Item, Outcome] = _Waiting(item)
        self._waiting.append(waiting)
        self._idle_lanes.unpark()
        await waiting.done.wait()
        if isinstance(waiting.outcome, Exception):
            raise waiting.outcome
        return waiting.outcome

    async def run(self) -> None:
        """Commit batches until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                for _ in range(LANES):
                    nursery.start_soon(self._run_lane)
        finally:
            for waiting in self._waiting:
                waiting.done.set()

    async def _run_lane(self) -> None:
        while True:
            while not self._waiting:
                await self._idle_lanes.park()
            size = min(len(self._waiting), BATCH_ITEMS_MAX)
            batch = [self._waiting.popleft() for _ in range(size)]
            await self._settle(batch)

    async def _settle(self, batch: list[_Waiting[Item, Outcome]]) -> None:
        try:
            outcomes = await self._commit([waiting.item for waiting in batch])
        except Exception as error:
            for waiting in batch:
                # One exception object raised in many tasks would collect all their tracebacks.
                waiting.settle(error if len(batch) == 1 else _copy_of(error))
        else:
            for waiting, outcome in zip(batch, outcomes, strict=True):
                waiting.settle(outcome)
        finally:
            for waiting in batch:
                waiting.done.set()


def _copy_of(error: Exception) -> Exception:
    if isinstance(error, Refusal):
        return type(error)(error.subject, error.hint, retry_after_seconds=error.retry_after_seconds)
    copy = RuntimeError("the batch failed")
    copy.__cause__ = error
    return copy
