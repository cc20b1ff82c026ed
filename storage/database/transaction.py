"""A transaction: all of it is committed when its block ends well, else all is rolled back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any

import structlog
from trio.lowlevel import checkpoint_if_cancelled

from storage.database.deadlines import Deadlines, Limits
from storage.database.errors import (
    PROBLEMS,
    DatabaseUnavailable,
    TransactionFailed,
    translated,
)
from storage.database.link import Link, Record
from storage.database.pool import Pool

log: structlog.stdlib.BoundLogger = structlog.get_logger()

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
BEGIN_READ_ONLY = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Transaction:
    """For one task at a time, within its block. Values are bound as $1, $2, …

    Each method raises the SQL's own error (storage.database.errors), after which the transaction
    can only be rolled back, unless it happened within a savepoint; or DatabaseUnavailable.
    """

    def __init__(self, link: Link, deadlines: Deadlines, limits: Limits) -> None:
        self._link = link
        self._deadlines = deadlines
        self._limits = limits
        self._savepoints = 0
        self.emitted: list[tuple[str, object]] = []

    async def row(self, sql: str, *values: object) -> Record | None:
        """The first row, or None."""
        await checkpoint_if_cancelled()
        try:
            return await self._link.fetchrow(sql, *values)
        except PROBLEMS as problem:
            raise translated(problem, self._link) from problem

    async def rows(self, sql: str, *values: object) -> list[Record]:
        await checkpoint_if_cancelled()
        try:
            return await self._link.fetch(sql, *values)
        except PROBLEMS as problem:
            raise translated(problem, self._link) from problem

    async def value(self, sql: str, *values: object) -> Any:
        """The first column of the first row, or None."""
        await checkpoint_if_cancelled()
        try:
            return await self._link.fetchval(sql, *values)
        except PROBLEMS as problem:
            raise translated(problem, self._link) from problem

    async def run(self, sql: str, *values: object) -> int:
        """How many rows the command touched. Without values, `sql` may be several commands; the
        number is the last one's."""
        await checkpoint_if_cancelled()
        try:
            status = await self._link.execute(sql, *values)
        except PROBLEMS as problem:
            raise translated(problem, self._link) from problem
        count = status.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """An exception in the block undoes what the block did and goes on; the rest stays."""
        self._savepoints += 1
        name = f"savepoint_{self._savepoints}"
        await self.run(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            await finish(self._link, f"ROLLBACK TO {name}", self._deadlines, self._limits)
            raise
        else:
            await self.run(f"RELEASE {name}")

    def end(self) -> Link:
        """Its connection, which from now on is somebody else's."""
        link, self._link = self._link, _ENDED
        return link


async def finish(link: Link, sql: str, deadlines: Deadlines, limits: Limits) -> None:
    """Undo, whatever happens to the task meanwhile. Where that fails the connection is closed, and
    the server undoes it all; the caller is already raising what went wrong.
    """
    if link.is_closed():
        return
    problem: Exception | None = TimeoutError(f"no answer within {limits.finish_seconds} s")
    with deadlines.limit(limits.finish_seconds, shield=True):
        try:
            await link.execute(sql)
            problem = None
        except PROBLEMS as raised:
            problem = raised
    if problem is not None:
        log.warning("database_connection_dropped", during=sql, problem=str(problem))
        link.terminate()


class TransactionBlock(AbstractAsyncContextManager[Transaction]):
    """`async with` of one transaction on a connection of the pool."""

    def __init__(self, pool: Pool, begin: str, deadlines: Deadlines, limits: Limits) -> None:
        self._pool = pool
        self._begin = begin
        self._deadlines = deadlines
        self._limits = limits

    async def __aenter__(self) -> Transaction:
        give_up = time.monotonic() + self._limits.wait_seconds
        while True:
            await checkpoint_if_cancelled()
            link = await self._pool.acquire()
            was_idle = link.idle_since > 0.0
            try:
                await link.execute(self._begin)
            except PROBLEMS as problem:
                link.terminate()
                self._pool.release(link)
                # An idle connection may have died unseen, as all do when the server restarts.
                # Nothing was asked of it yet, so another one will do.
                if not was_idle or time.monotonic() > give_up:
                    raise translated(problem, link) from problem
            except BaseException:
                try:
                    await finish(link, "ROLLBACK", self._deadlines, self._limits)
                finally:
                    self._pool.release(link)
                raise
            else:
                self._transaction = Transaction(link, self._deadlines, self._limits)
                return self._transaction

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        link = self._transaction.end()
        try:
            if problem is None:
                await self._commit(link)
            else:
                await finish(link, "ROLLBACK", self._deadlines, self._limits)
        finally:
            self._pool.release(link)

    async def _commit(self, link: Link) -> None:
        """Not to be cancelled, for the caller could not know what became of it."""
        status = ""
        with self._deadlines.limit(self._limits.finish_seconds, shield=True):
            try:
                status = await link.execute("COMMIT")
            except PROBLEMS as problem:
                raise translated(problem, link) from problem
        if not status:
            link.terminate()
            raise DatabaseUnavailable(
                f"COMMIT was not answered within {self._limits.finish_seconds} s: "
                "whether it happened is unknown"
            )
        if status != "COMMIT":
            # The block went on after an error of SQL, and PostgreSQL could only roll back.
            raise TransactionFailed("the transaction had failed, nothing was committed")


class _Ended:
    """In place of the connection, so that late use is an error and not somebody else's query."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("the transaction has ended")


_ENDED: Any = _Ended()
