"""The database as the rest of the program sees it, and how it is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TypeAlias

from storage.database import fallback, trio_protocol
from storage.database.background import beside
from storage.database.deadlines import Deadlines, Limits
from storage.database.errors import PROBLEMS, DatabaseUnavailable, translated
from storage.database.link import LOCK_SECONDS_MAX, Link, server_settings
from storage.database.listening import Listening, listen
from storage.database.pool import Pool
from storage.database.transaction import (
    BEGIN,
    BEGIN_READ_ONLY,
    Transaction,
    TransactionBlock,
)

DEFAULT_LIMITS = Limits()
# A migration may rewrite a large table.
SCRIPT_SECONDS_MAX = 3600.0

Connect: TypeAlias = Callable[[str, dict[str, str]], Awaitable[Link]]


class Database:
    """Not made by hand: see `open_database`."""

    def __init__(
        self, url: str, connect: Connect, connections_max: int, deadlines: Deadlines, limits: Limits
    ) -> None:
        self._url = url
        self._connect = connect
        self._deadlines = deadlines
        self._limits = limits
        self.pool = Pool(self._open, connections_max, deadlines, limits)

    def transaction(self, *, read_only: bool = False) -> AbstractAsyncContextManager[Transaction]:
        """Commits when the block ends well, rolls back when it raises or is cancelled.

        READ COMMITTED; `read_only` sees one snapshot (REPEATABLE READ) and cannot write.
        Raises DatabaseUnavailable; when that comes from the COMMIT its outcome is unknown.
        """
        begin = BEGIN_READ_ONLY if read_only else BEGIN
        return TransactionBlock(self.pool, begin, self._deadlines, self._limits)

    @asynccontextmanager
    async def listening(
        self, channel: str, heard: Callable[[str], None]
    ) -> AsyncIterator[Listening]:
        """Call `heard(payload)` for each NOTIFY on `channel`, over a connection of its own."""
        link = await self._open()
        try:
            async with listen(link, channel, heard, self._deadlines, self._limits) as listening:
                yield listening
        finally:
            link.terminate()

    async def script(self, sql: str) -> None:
        """Many statements, for migrations; one transaction unless `sql` says otherwise."""
        link = await self._open(statement_seconds=SCRIPT_SECONDS_MAX)
        try:
            await link.execute(sql)
        except PROBLEMS as problem:
            raise translated(problem, link) from problem
        finally:
            link.terminate()

    async def _open(self, statement_seconds: float | None = None) -> Link:
        # A migration waits for others' locks as long as for its own work.
        lock_seconds = statement_seconds or LOCK_SECONDS_MAX
        settings = server_settings(
            statement_seconds or self._limits.statement_seconds, lock_seconds=lock_seconds
        )
        with self._deadlines.limit(self._limits.connect_seconds):
            try:
                return await self._connect(self._url, settings)
            except PROBLEMS as problem:
                raise DatabaseUnavailable(f"cannot connect to the database: {problem}") from problem
        raise DatabaseUnavailable(
            f"the database did not answer within {self._limits.connect_seconds} s"
        )


@asynccontextmanager
async def open_database(
    url: str, *, driver: str = "trio", connections_max: int = 10, limits: Limits = DEFAULT_LIMITS
) -> AsyncIterator[Database]:
    """A pool of at most `connections_max` connections, opened when they are needed.

    `driver`: "trio" is asyncpg's protocol driven by Trio; "asyncio" is plain asyncpg through
    trio-asyncio, several times slower. `listening` and `script` use connections of their own.
    """
    deadlines = Deadlines(limits.tick_seconds)
    async with _driver(driver, deadlines, limits) as connect:
        database = Database(url, connect, connections_max, deadlines, limits)
        try:
            async with beside(partial(deadlines.keep, database.pool.look_after)):
                yield database
        finally:
            database.pool.close()


@asynccontextmanager
async def _driver(name: str, deadlines: Deadlines, limits: Limits) -> AsyncIterator[Connect]:
    if name == "trio":

        async def connect(url: str, settings: dict[str, str]) -> Link:
            return await trio_protocol.connect(url, settings, deadlines, limits)

        yield connect
    elif name == "asyncio":
        async with fallback.open_loop() as loop:
            yield loop.connect
    else:
        raise ValueError(f'the database driver is "trio" or "asyncio", not {name!r}')
