"""A bounded set of connections, lent in the order they were asked for.

Nothing here keeps a connection open on purpose: one that breaks, or that is idle for long, is
dropped, and the next caller opens another. So a restarted server needs nothing of us.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable

import outcome
import trio

from storage.database.deadlines import Deadlines, Limits
from storage.database.errors import DatabaseUnavailable
from storage.database.link import Link

WAITING_MAX = 5_000


class Pool:
    """`connect` opens one connection, or raises DatabaseUnavailable."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Link]],
        connections_max: int,
        deadlines: Deadlines,
        limits: Limits,
    ) -> None:
        self._connect = connect
        self._connections_max = connections_max
        self._deadlines = deadlines
        self._limits = limits
        self._links: set[Link] = set()
        self._free: deque[Link] = deque()  # the last one used is on the right, and lent first
        self._places_taken = 0  # by connections open, being opened, or promised to a waiter
        self._waiting: deque[trio.lowlevel.Task] = deque()
        self._closed = False

    async def acquire(self) -> Link:
        """A connection for the caller alone, until `release`.

        Raises DatabaseUnavailable when none can be had in time.
        """
        if self._free:
            return self._free.pop()
        with self._deadlines.limit(self._limits.wait_seconds):
            return await self._open_or_wait()
        raise DatabaseUnavailable(
            f"no connection within {self._limits.wait_seconds} s: "
            f"{self._connections_max} at most, {len(self._waiting)} more callers waiting"
        )

    def release(self, link: Link) -> None:
        """Take back a connection with no transaction open; a closed one is replaced when needed."""
        if self._closed or link.is_closed():
            self._drop(link)
        elif self._waiting:
            trio.lowlevel.reschedule(self._waiting.popleft(), outcome.Value(link))
        else:
            link.idle_since = time.monotonic()
            self._free.append(link)

    def look_after(self, now: float) -> None:
        """Once a tick: drop what broke or was not used for long; end waits for a dead server."""
        for link in tuple(self._free):
            link.notice()
            if link.is_closed() or now - link.idle_since > self._limits.idle_seconds:
                self._free.remove(link)
                self._drop(link)
        for link in self._links:
            if link.waiting_since and now - link.waiting_since > self._limits.answer_seconds:
                link.terminate()

    def close(self) -> None:
        self._closed = True
        while self._free:
            self._drop(self._free.pop())
        for link in tuple(self._links):
            link.terminate()

    async def _open_or_wait(self) -> Link:
        if self._closed:
            raise RuntimeError("the database is closed")
        if self._places_taken < self._connections_max:
            self._places_taken += 1
            return await self._open()
        if len(self._waiting) >= WAITING_MAX:
            raise DatabaseUnavailable(f"{WAITING_MAX} callers wait for a connection already")
        task = trio.lowlevel.current_task()

        def give_up(_raise_cancel: object) -> trio.lowlevel.Abort:
            self._waiting.remove(task)
            return trio.lowlevel.Abort.SUCCEEDED

        self._waiting.append(task)
        link: Link | None = await trio.lowlevel.wait_task_rescheduled(give_up)
        return link if link is not None else await self._open()

    async def _open(self) -> Link:
        if self._closed:
            raise RuntimeError("the database is closed")
        try:
            link = await self._connect()
        except BaseException:
            self._pass_place_on()
            raise
        self._links.add(link)
        return link

    def _drop(self, link: Link) -> None:
        self._links.discard(link)
        link.terminate()
        self._pass_place_on()

    def _pass_place_on(self) -> None:
        if self._waiting:
            trio.lowlevel.reschedule(self._waiting.popleft(), outcome.Value(None))
        else:
            self._places_taken -= 1
