"""LISTEN: a connection of its own that hears what NOTIFY says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import structlog
import trio

from storage.database.background import beside
from storage.database.deadlines import Deadlines, Limits
from storage.database.errors import PROBLEMS
from storage.database.link import Link

log: structlog.stdlib.BoundLogger = structlog.get_logger()

PING = "SELECT 1"


class Listening:
    def __init__(self) -> None:
        self._lost = trio.Event()

    @property
    def lost(self) -> bool:
        return self._lost.is_set()

    async def wait_lost(self) -> None:
        """Returns when the connection is gone: what is said from now on is missed."""
        await self._lost.wait()

    async def _hear(
        self, link: Link, heard: Callable[[str], None], deadlines: Deadlines, limits: Limits
    ) -> None:
        try:
            while not link.is_closed():
                with deadlines.limit(limits.ping_seconds) as quiet:
                    for payload in await link.notified():
                        heard(payload)
                if quiet.cancelled_caught:
                    await self._ping(link, deadlines, limits)
        finally:
            self._lost.set()

    async def _ping(self, link: Link, deadlines: Deadlines, limits: Limits) -> None:
        """A network that lost the server says nothing by itself."""
        problem: Exception | None = TimeoutError(f"no answer within {limits.finish_seconds} s")
        with deadlines.limit(limits.finish_seconds):
            try:
                await link.execute(PING)
                problem = None
            except PROBLEMS as raised:
                problem = raised
        if problem is not None:
            log.warning("database_connection_dropped", during=PING, problem=str(problem))
            link.terminate()


@asynccontextmanager
async def listen(
    link: Link, channel: str, heard: Callable[[str], None], deadlines: Deadlines, limits: Limits
) -> AsyncIterator[Listening]:
    """Hears from the moment the block begins. An exception of `heard` ends the block."""
    listening = Listening()
    await link.listen(channel)
    async with beside(partial(listening._hear, link, heard, deadlines, limits)):
        yield listening
