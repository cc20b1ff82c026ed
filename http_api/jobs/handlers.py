"""What runs a job of each kind, and what runs by itself every so often."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from storage import housekeeping, jobs
from storage.database import Transaction
from storage.domains import identity
from storage.gate import Gate
from storage.words import Nothing

HOUR_SECONDS = 3600.0
RUN_SECONDS_MAX = 300.0

Run: TypeAlias = Callable[[Gate, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Handler:
    """`run` gets the job's body as `body`. It may run twice for one job, and must not mind."""

    kind: str
    run: Run
    body: type[Any] = Nothing
    seconds_max: float = RUN_SECONDS_MAX
    every_seconds: float | None = None
    """Runs by itself, this long after it began the last time, in one process at a time."""


def until_none_left(forget: Callable[[Transaction], Awaitable[int]]) -> Run:
    """Run a step that says how many rows it took, a transaction each time, until it says 0."""

    async def run(gate: Gate, body: Nothing) -> None:
        forgotten = 1
        while forgotten:
            async with gate.database.transaction() as tx:
                forgotten = await forget(tx)

    return run


async def forget_failed_jobs(tx: Transaction) -> int:
    return await jobs.forget_failed(tx, housekeeping.ROWS_MAX)


def _hourly(kind: str, forget: Callable[[Transaction], Awaitable[int]]) -> Handler:
    return Handler(kind, until_none_left(forget), every_seconds=HOUR_SECONDS)


HANDLERS = [
    _hourly("forget_old_entries", housekeeping.forget_old_entries),
    _hourly("forget_old_answers", housekeeping.forget_old_answers),
    _hourly("forget_ended_sessions", identity.forget_ended_sessions),
    _hourly("forget_failed_jobs", forget_failed_jobs),
]
