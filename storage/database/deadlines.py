"""How long we wait for PostgreSQL, and the clock that holds us to it.

A server's answer takes real time, so these deadlines are judged by the real clock, all of them by
one task a few times a second. That costs a query nothing, and a test that moves Trio's clock by
hours does not make a healthy database look dead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import trio


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds, each for one wait."""

    connect_seconds: float = 10.0  # one attempt: name, socket, TLS, password
    wait_seconds: float = 10.0  # for a connection of the pool, a new one included
    statement_seconds: float = 30.0  # the server ends the statement: QueryCanceled
    answer_seconds: float = 40.0  # not even that came: the server hangs, the connection is closed
    finish_seconds: float = 5.0  # COMMIT or ROLLBACK, which cannot be cancelled
    drain_seconds: float = 2.0  # CancelRequest, and the rest of a cancelled query's answer
    idle_seconds: float = 300.0  # unused for so long, a connection is closed
    ping_seconds: float = 30.0  # a quiet listening connection is asked whether it still lives
    tick_seconds: float = 0.5  # how exactly all these are kept


class Deadlines:
    def __init__(self, tick_seconds: float) -> None:
        self._tick_seconds = tick_seconds
        self._due: dict[trio.CancelScope, float] = {}

    @contextmanager
    def limit(self, seconds: float, *, shield: bool = False) -> Iterator[trio.CancelScope]:
        """A scope that is cancelled `seconds` from now, give or take a tick."""
        scope = trio.CancelScope(shield=shield)
        self._due[scope] = time.monotonic() + seconds
        try:
            with scope:
                yield scope
        finally:
            del self._due[scope]

    async def keep(self, each_tick: Callable[[float], None]) -> None:
        """Run for as long as there are deadlines to keep; `each_tick` hears the time."""
        while True:
            await trio.sleep(self._tick_seconds)
            now = time.monotonic()
            for scope, due in tuple(self._due.items()):
                if due <= now:
                    scope.cancel()
            each_tick(now)
