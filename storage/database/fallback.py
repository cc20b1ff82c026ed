"""Plain asyncpg on an asyncio loop inside Trio: the driver to fall back on, several times slower.

It stays so that whatever asyncpg changes about its insides, there is a way to run; and the tests
hold the other driver to what this one does. Only here does asyncio run.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
import trio

from storage.database.background import beside
from storage.database.link import (
    STATEMENT_CACHED_BYTES_MAX,
    STATEMENTS_CACHED_MAX,
    Record,
)

Result = TypeVar("Result")


class AsyncioLoop:
    """The loop, callable from any Trio task, whether or not that task knows of the loop."""

    def __init__(self, loop: Any, run_aio_future: Callable[[Any], Awaitable[Any]]) -> None:
        self._loop = loop
        self._run_aio_future = run_aio_future
        self._context = contextvars.copy_context()

    async def call(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Cancelled, the coroutine is cancelled too, and has ended when this returns."""
        task = self._loop.create_task(coroutine, context=self._context.copy())
        result: Result = await self._run_aio_future(task)
        return result

    async def connect(self, url: str, server_settings: dict[str, str]) -> AsyncioLink:
        """Raises what asyncpg raises, or OSError."""
        connection = await self.call(
            asyncpg.connect(
                url,
                loop=self._loop,
                timeout=None,
                server_settings=server_settings,
                statement_cache_size=STATEMENTS_CACHED_MAX,
                max_cached_statement_lifetime=0,
                max_cacheable_statement_size=STATEMENT_CACHED_BYTES_MAX,
            )
        )
        return AsyncioLink(self, connection)


@asynccontextmanager
async def open_loop() -> AsyncIterator[AsyncioLoop]:
    """The loop runs in a task of its own, so that the caller's context is left as it was."""
    # Not at the top: Python 3.14 cannot import it, and the other driver does not need it.
    import trio_asyncio

    started = trio.Event()
    opened: list[AsyncioLoop] = []

    async def run() -> None:
        async with trio_asyncio.open_loop() as loop:
            opened.append(AsyncioLoop(loop, trio_asyncio.run_aio_future))
            started.set()
            await trio.sleep_forever()

    async with beside(run):
        await started.wait()
        yield opened[0]


class AsyncioLink:
    """asyncpg itself ends a cancelled query at the server, and makes the next one wait."""

    def __init__(self, loop: AsyncioLoop, connection: Any) -> None:
        self._loop = loop
        self._connection = connection
        self._heard: list[str] = []
        self._news = trio.Event()
        self.idle_since = 0.0
        self.waiting_since = 0.0
        self.is_closed = connection.is_closed
        self.terminate = connection.terminate
        connection.add_termination_listener(self._closed)

    async def fetch(self, sql: str, *values: object) -> list[Record]:
        return await self._ask(self._connection.fetch(sql, *values))

    async def fetchrow(self, sql: str, *values: object) -> Record | None:
        return await self._ask(self._connection.fetchrow(sql, *values))

    async def fetchval(self, sql: str, *values: object) -> Any:
        return await self._ask(self._connection.fetchval(sql, *values))

    async def execute(self, sql: str, *values: object) -> str:
        return await self._ask(self._connection.execute(sql, *values))

    async def listen(self, channel: str) -> None:
        await self._ask(self._connection.add_listener(channel, self._hear))

    async def notified(self) -> list[str]:
        await self._news.wait()
        if not self.is_closed():
            self._news = trio.Event()
        heard, self._heard = self._heard, []
        return heard

    def notice(self) -> None:
        """The loop reads by itself, and asyncpg has noticed already."""

    async def _ask(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        self.waiting_since = time.monotonic()
        try:
            return await self._loop.call(coroutine)
        finally:
            self.waiting_since = 0.0

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._heard.append(str(payload))
        self._news.set()

    def _closed(self, _connection: object) -> None:
        self._news.set()
