"""Many callers, one transaction: who arrives while a batch commits rides in the next one.

Nobody waits for a batch to fill. Alone, a caller is a batch of one; under load the batches
grow by themselves, and a commit to disk is shared by all that are in it. A second batch sets out
beside the first only when many wait: many small ones cost more than they save.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import structlog
import trio

from storage.errors import Refusal, Unavailable

log = structlog.get_logger()

BATCH_ITEMS_MAX = 256
WAITING_ITEMS_MAX = 5_000  # Of at most some 16 KB each.
LANES = 2
"""Batches in flight at once. Two keep the disk busy; more only make the slowest caller slower."""
NEXT_LANE_ITEMS_MIN = 16
"""So many must wait before a batch sets out while another is in flight."""

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

Settled: TypeAlias = Outcome | Exception


class _Waiting(Generic[Item, Outcome]):
    __slots__ = ("_settled", "item")

    def __init__(self, item: Item, settled: Callable[[Settled[Outcome]], None]) -> None:
        self.item = item
        self._settled: Callable[[Settled[Outcome]], None] | None = settled

    def settle(self, outcome: Settled[Outcome]) -> None:
        """Only the first outcome counts."""
        settled, self._settled = self._settled, None
        if settled is None:
            return
        try:
            settled(outcome)
        except Exception:
            # Whoever waited made a mistake of their own; the batch has others in it.
            log.exception("batch_caller_failed")


class Batcher(Generic[Item, Outcome]):
    """`commit` gets up to BATCH_ITEMS_MAX items and answers one outcome for each, in order.

    An outcome that is an exception belongs to the caller whose item it was. A refusal that
    `commit` itself raises is every caller's answer; another exception is the cause of theirs.
    """

    def __init__(
        self, commit: Callable[[Sequence[Item]], Awaitable[Sequence[Settled[Outcome]]]]
    ) -> None:
        self._commit = commit
        self._waiting: deque[_Waiting[Item, Outcome]] = deque()
        self._idle_lanes = trio.lowlevel.ParkingLot()
        self._busy_lanes = 0
        self._has_ended = False

    def enqueue(self, item: Item, settled: Callable[[Settled[Outcome]], None]) -> None:
        """`settled` is called once, with the outcome or the exception, when the batch that carries
        `item` has ended. Raises Unavailable when too much is waiting, or nothing is carried any
        more."""
        if self._has_ended:
            raise _unstored()
        if len(self._waiting) >= WAITING_ITEMS_MAX:
            raise Unavailable("database", "too much is waiting", retry_after_seconds=1)
        self._waiting.append(_Waiting(item, settled))
        if self._may_set_out():
            self._idle_lanes.unpark()

    async def submit(self, item: Item) -> Outcome:
        """Wait for the batch that carries `item`. Cancelled, it may or may not have happened."""
        outcomes: list[Settled[Outcome]] = []
        done = trio.Event()

        def settled(outcome: Settled[Outcome]) -> None:
            outcomes.append(outcome)
            done.set()

        self.enqueue(item, settled)
        await done.wait()
        [outcome] = outcomes
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def run(self) -> None:
        """Commit batches until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                for _ in range(LANES):
                    nursery.start_soon(self._run_lane)
        finally:
            # First, for whoever hears of it may ask for the next thing at once.
            self._has_ended = True
            _settle_unstored(self._waiting)

    def _may_set_out(self) -> bool:
        return len(self._waiting) >= (NEXT_LANE_ITEMS_MIN if self._busy_lanes else 1)

    async def _run_lane(self) -> None:
        while True:
            while not self._may_set_out():
                await self._idle_lanes.park()
            size = min(len(self._waiting), BATCH_ITEMS_MAX)
            batch = [self._waiting.popleft() for _ in range(size)]
            self._busy_lanes += 1
            try:
                await self._settle(batch)
            finally:
                self._busy_lanes -= 1

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
            _settle_unstored(batch)


def _settle_unstored(waiting: Iterable[_Waiting[Any, Any]]) -> None:
    for one in waiting:
        one.settle(_unstored())


def _unstored() -> Unavailable:
    return Unavailable("database", "ended before it was stored")


def _copy_of(error: Exception) -> Exception:
    if isinstance(error, Refusal):
        return type(error)(error.subject, error.hint, retry_after_seconds=error.retry_after_seconds)
    copy = RuntimeError("the batch failed")
    copy.__cause__ = error
    return copy
