"""Real connections to PostgreSQL on which a statement takes no time: sent, and answered, at once.

What would wait for a lock waits in simulated time instead. PostgreSQL itself is asked who waits
for whom (`pg_blocking_pids`), so whether a statement waits never depends on how fast the machine
is: it is waited for in real time until it is answered, or waits for a transaction that stands
still. At most one waits inside PostgreSQL, which then sees what real waiters see; two could wake
in any order. The others are taken back to a savepoint, and tried again when a transaction ends.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import asyncpg
import trio

from storage.database.deadlines import Deadlines, Limits
from storage.database.link import LOCK_SECONDS_MAX
from storage.database.trio_future import Future
from storage.database.trio_protocol import Loop, TrioLink, connect
from storage.database.trio_transport import Transport

ANSWER_SECONDS = 0.002
"""Real time after which PostgreSQL is asked whether a statement waits for a lock."""

R = TypeVar("R")


def at_once(work: Coroutine[Any, Any, R]) -> R:
    """The result of what never waits in simulated time."""
    try:
        work.send(None)
    except StopIteration as stop:
        result: R = stop.value
        return result
    work.close()
    raise RuntimeError("this had to wait for somebody else's lock")


class WouldWaitError(Exception):
    """For a lock, while another statement waits inside PostgreSQL already."""


class Seat:
    """One real connection, lent to one simulated connection after another."""

    def __init__(self, number: int, url: str, settings: dict[str, str], locks: Locks) -> None:
        self.number = number
        self._locks = locks
        self._loop = BlockingLoop(locks)
        self._link: TrioLink = at_once(
            connect(url, settings, Deadlines(1), Limits(), loop=self._loop)
        )
        self._loop.pid = self._loop.connection.get_server_pid()

    @property
    def is_in_transaction(self) -> bool:
        return bool(self._loop.connection.is_in_transaction())

    def now(self, method: str, sql: str, *values: object) -> Any:
        """For what needs no lock that anybody holds."""
        return at_once(getattr(self._link, method)(sql, *values))

    async def perform(self, method: str, sql: str, *values: object) -> Any:
        if self._locks.waiting is not None and self.is_in_transaction and not _ends(sql):
            answer = await self._try_until_free(method, sql, *values)
        else:
            answer = await getattr(self._link, method)(sql, *values)
        if _ends(sql):
            self._locks.something_ended()
        return answer

    async def _try_until_free(self, method: str, sql: str, *values: object) -> Any:
        give_up = trio.current_time() + LOCK_SECONDS_MAX
        while True:
            self.now("execute", "SAVEPOINT simulation")
            try:
                answer = self.now(method, sql, *values)
            except WouldWaitError:
                self.now("execute", "ROLLBACK TO simulation")
            else:
                self.now("execute", "RELEASE simulation")
                return answer
            with trio.move_on_at(give_up) as patience:
                await self._locks.ended.wait()
            if patience.cancelled_caught:
                raise asyncpg.LockNotAvailableError("lock timeout")
            if self._locks.waiting is None:
                return await getattr(self._link, method)(sql, *values)

    def clear(self) -> None:
        """Undo what is open; whoever waited for its locks goes on."""
        self._loop.interrupt(asyncpg.QueryCanceledError("the connection was cut"))
        if self.is_in_transaction:
            self.now("execute", "ROLLBACK")
            self._locks.something_ended()

    def close(self) -> None:
        self._link.terminate()


def _ends(sql: str) -> bool:
    return sql.startswith(("COMMIT", "ROLLBACK"))


class BlockingLoop(Loop):
    """What asyncpg takes for an event loop; see `storage.database.trio_protocol`."""

    def __init__(self, locks: Locks) -> None:
        super().__init__(Deadlines(1), Limits())
        self.pid = 0
        self.answered = trio.Event()
        self._locks = locks
        self._future: Future | None = None

    async def answer_to(self, future: Future) -> None:
        locks, self._future = self._locks, future
        try:
            if locks.settle(self):
                return
            if locks.waiting is not None:
                self.interrupt(WouldWaitError())
                return
            locks.waiting, self.answered = self, trio.Event()
            with trio.move_on_after(LOCK_SECONDS_MAX):
                await self.answered.wait()
            self.interrupt(asyncpg.LockNotAvailableError("lock timeout"))
        finally:
            self.interrupt(asyncpg.QueryCanceledError("the waiting task was cancelled"))
            self._future = None

    def interrupt(self, problem: Exception) -> None:
        """End a statement that has not been answered; its task hears `problem` as the answer."""
        future, locks = self._future, self._locks
        if future is not None and not future.finished:
            locks.ask("SELECT pg_cancel_backend($1)", self.pid)
            while not self.is_answered():
                self.read(1.0)
            future._problem = problem
        self.settled()

    def settled(self) -> None:
        if self._locks.waiting is self and self.is_answered():
            self._locks.waiting = None
            self.answered.set()

    def is_answered(self) -> bool:
        return self._future is None or self._future.finished

    def read(self, patience_seconds: float) -> bool:
        assert self.transport is not None
        readable, _, _ = select.select([self.transport.sock], [], [], patience_seconds)
        if readable:
            self.transport.read_now()
        return bool(readable)

    async def create_unix_connection(
        self, protocol_factory: Callable[[], Any], path: str
    ) -> tuple[Transport, Any]:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        return self._connected(BlockingTransport(sock, protocol_factory()))

    async def create_connection(
        self, protocol_factory: Callable[[], Any], host: str, port: int, ssl: object = None
    ) -> tuple[Transport, Any]:
        assert ssl is None, "the simulation speaks to a server nearby"
        sock = socket.create_connection((host, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._connected(BlockingTransport(sock, protocol_factory()))


class BlockingTransport(Transport):
    """No Trio task ever waits for its socket."""

    def _lose(self, problem: Exception | None) -> None:
        if not self.closed:
            self.closed = True
            self.sock.close()
            self.protocol.connection_lost(problem)


class Locks:
    """Who waits for a lock, and when it may be worth trying again."""

    def __init__(self) -> None:
        self.waiting: BlockingLoop | None = None
        """The one statement that waits inside PostgreSQL."""
        self.ended = trio.Event()
        self.monitor: Seat | None = None

    def settle(self, loop: BlockingLoop) -> bool:
        """Whether its statement is answered; else it waits for a transaction that stands still."""
        while not loop.is_answered():
            if not loop.read(ANSWER_SECONDS) and self._is_blocked(loop):
                return False
        return True

    def something_ended(self) -> None:
        """Locks were given back: who waits inside goes on, if it can, before all others."""
        if self.waiting is not None:
            self.settle(self.waiting)
            self.waiting.settled()
        self.ended.set()
        self.ended = trio.Event()

    def ask(self, sql: str, *values: object) -> list[Any]:
        """What a connection of its own sees: only what was committed."""
        assert self.monitor is not None
        rows: list[Any] = self.monitor.now("fetch", sql, *values)
        return rows

    def _is_blocked(self, loop: BlockingLoop) -> bool:
        if self.monitor is None or loop is self.monitor._loop:
            return False
        [row] = self.ask("SELECT cardinality(pg_blocking_pids($1)) > 0 AS blocked", loop.pid)
        return bool(row["blocked"])
