"""Streams in memory that behave as TCP does: in order, late, bounded, silent, or gone.

On the server's side they look like sockets to the real reactor, and `MemoryPoller` like epoll; on
the client's side they are Trio streams. No task moves bytes: what is sent knows when it arrives.
"""

from __future__ import annotations

import math
import random
import select
import socket
from collections import deque
from collections.abc import Callable
from itertools import count

import trio

TO_SERVER_BYTES_MAX = 1024 * 1024
TO_CLIENT_BYTES_MAX = 8 * 1024
"""What a kernel would hold: beyond it the sender waits."""


def delay(chance: random.Random) -> float:
    """One way over the network; now and then it stands still for a while."""
    if chance.random() < 0.01:
        return chance.uniform(0.2, 1.5)
    return chance.uniform(0.001, 0.03)


class Direction:
    """Bytes on their way from one side to the other."""

    def __init__(self, bytes_max: int, chance: random.Random) -> None:
        self._bytes_max = bytes_max
        self._chance = chance
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._size = 0
        self._last_arrival = 0.0
        self._end: tuple[float, type[Exception] | None] | None = None
        self.is_silent = False
        """The cable is cut, and nobody is told."""
        self.changed: list[Callable[[], None]] = []

    @property
    def room(self) -> int:
        return self._bytes_max - self._size

    @property
    def next_arrival(self) -> float:
        if self.is_silent:
            return math.inf
        if self._chunks:
            return self._chunks[0][0]
        return self._end[0] if self._end else math.inf

    @property
    def has_arrived(self) -> bool:
        return self.next_arrival <= trio.current_time()

    @property
    def is_reset(self) -> bool:
        """Whether the other side was heard to be gone for good."""
        return self._end is not None and self._end[1] is not None and self.has_arrived

    def put(self, data: bytes | bytearray | memoryview) -> int:
        """How many of the bytes were taken."""
        taken = bytes(data[: self.room])
        if taken and self._end is None:
            self._last_arrival = max(self._last_arrival, trio.current_time() + delay(self._chance))
            self._chunks.append((self._last_arrival, taken))
            self._size += len(taken)
            self._tell()
        return len(taken)

    def take(self, bytes_max: int) -> bytes:
        """What has arrived; nothing at the end. Raises ConnectionResetError."""
        assert self.has_arrived
        if not self._chunks:
            assert self._end is not None
            if self._end[1] is not None:
                raise self._end[1]("reset by the other side")
            return b""
        arrival, chunk = self._chunks.popleft()
        if len(chunk) > bytes_max:
            self._chunks.appendleft((arrival, chunk[bytes_max:]))
            chunk = chunk[:bytes_max]
        self._size -= len(chunk)
        self._tell()
        return chunk

    def finish(self, problem: type[Exception] | None = None) -> None:
        """Nothing follows. With a problem, what is on its way is lost too."""
        if self._end is not None and self._end[1] is not None:
            return
        if problem is not None:
            self._chunks.clear()
            self._size = 0
        self._last_arrival = max(self._last_arrival, trio.current_time() + delay(self._chance))
        self._end = self._last_arrival, problem
        self._tell()

    def silence(self) -> None:
        self.is_silent = True

    def _tell(self) -> None:
        for tell in self.changed:
            tell()


class Link:
    """One connection between a client and a process."""

    _numbers = count(1)

    def __init__(self, name: str, chance: random.Random) -> None:
        self.name = name
        self.to_server = Direction(TO_SERVER_BYTES_MAX, chance)
        self.to_client = Direction(TO_CLIENT_BYTES_MAX, chance)

    def cut(self) -> None:
        """Both sides hear of it."""
        self.to_server.finish(ConnectionResetError)
        self.to_client.finish(ConnectionResetError)


class MemorySocket:
    """A process's side of a link, as far as `realtime.connection` uses sockets."""

    family = socket.AF_UNIX

    def __init__(self, link: Link, fd: int) -> None:
        self.link = link
        self._fd = fd
        self.is_closed = False

    def fileno(self) -> int:
        return self._fd

    def setblocking(self, flag: bool) -> None:
        assert not flag

    def recv_into(self, view: memoryview) -> int:
        if not self.link.to_server.has_arrived:
            raise BlockingIOError
        data = self.link.to_server.take(len(view))
        view[: len(data)] = data
        return len(data)

    def send(self, data: bytes | bytearray | memoryview) -> int:
        if self.link.to_server.is_reset:
            raise ConnectionResetError
        taken = self.link.to_client.put(data)
        if not taken:
            raise BlockingIOError
        return taken

    def shutdown(self, how: int) -> None:
        self.link.to_client.finish()

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.link.to_client.finish()

    def events(self) -> int:
        readable = select.EPOLLIN if self.link.to_server.has_arrived else 0
        writable = select.EPOLLOUT if self.link.to_client.room else 0
        return readable | writable


class MemoryListener:
    """Where a process accepts its clients."""

    FD = 3

    def __init__(self, poller: MemoryPoller) -> None:
        self._poller = poller
        poller.sockets[self.FD] = self
        self._calling: deque[tuple[Link, str]] = deque()
        self._fds = count(self.FD + 1)
        self.is_closed = False

    def fileno(self) -> int:
        return self.FD

    def call(self, link: Link, address: str) -> None:
        link.to_server.changed.append(self._poller.poke)
        link.to_client.changed.append(self._poller.poke)
        self._calling.append((link, address))
        self._poller.poke()

    def accept(self) -> tuple[MemorySocket, tuple[str, int]]:
        if not self._calling:
            raise BlockingIOError
        link, address = self._calling.popleft()
        accepted = MemorySocket(link, next(self._fds))
        self._poller.sockets[accepted.fileno()] = accepted
        return accepted, (address, 0)

    def close(self) -> None:
        self.is_closed = True

    def events(self) -> int:
        return select.EPOLLIN if self._calling else 0


class MemoryPoller:
    """A `realtime.poller.Poller` over sockets in memory."""

    def __init__(self) -> None:
        self.sockets: dict[int, MemorySocket | MemoryListener] = {}
        self._wanted: dict[int, int] = {}
        self._changed = trio.Event()

    def register(self, fd: int, events: int) -> None:
        self._wanted[fd] = events
        self.poke()

    def modify(self, fd: int, events: int) -> None:
        self._wanted[fd] = events
        self.poke()

    def unregister(self, fd: int) -> None:
        del self._wanted[fd]

    def close(self) -> None:
        self._wanted.clear()

    def poke(self) -> None:
        self._changed.set()

    async def wait(self) -> None:
        await trio.lowlevel.checkpoint()
        while not self.poll(1):
            self._changed = trio.Event()
            with trio.move_on_at(self._next_arrival()):
                await self._changed.wait()

    def poll(self, events_max: int) -> list[tuple[int, int]]:
        ready = []
        for fd, wanted in self._wanted.items():
            if events := self.sockets[fd].events() & wanted:
                ready.append((fd, events))
        return ready[:events_max]

    def _next_arrival(self) -> float:
        sockets = [self.sockets[fd] for fd, wanted in self._wanted.items() if wanted]
        links = [one.link for one in sockets if isinstance(one, MemorySocket)]
        return min((link.to_server.next_arrival for link in links), default=math.inf)


class MemoryStream(trio.abc.Stream):
    """A client's side of a link."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.reads_from = 0.0
        """Until then nothing is read: a slow reader."""
        self._changed = trio.Event()
        self._is_closed = False
        link.to_client.changed.append(self._poke)
        link.to_server.changed.append(self._poke)

    def _poke(self) -> None:
        self._changed.set()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        while True:
            if self._is_closed:
                raise trio.ClosedResourceError
            await trio.sleep_until(max(self.reads_from, trio.current_time()))
            incoming = self.link.to_client
            if incoming.has_arrived:
                try:
                    return incoming.take(max_bytes or 65_536)
                except ConnectionResetError as problem:
                    raise trio.BrokenResourceError from problem
            self._changed = trio.Event()
            with trio.move_on_at(incoming.next_arrival):
                await self._changed.wait()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        rest = memoryview(data)
        while rest:
            if self._is_closed:
                raise trio.ClosedResourceError
            if self.link.to_client.is_reset:
                raise trio.BrokenResourceError
            taken = self.link.to_server.put(rest)
            rest = rest[taken:]
            if rest and not taken:
                self._changed = trio.Event()
                await self._changed.wait()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self.link.to_server.finish()
            self._poke()
        await trio.lowlevel.checkpoint()
