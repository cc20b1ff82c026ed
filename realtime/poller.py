"""Which of the sockets have something: the one place where the reactor meets the kernel."""

import select
from typing import Protocol

import trio


class Poller(Protocol):
    """As `select.epoll`, level-triggered, with its constants; `fd` is a socket's descriptor."""

    def register(self, fd: int, events: int) -> None: ...
    def modify(self, fd: int, events: int) -> None: ...
    def unregister(self, fd: int) -> None: ...

    async def wait(self) -> None:
        """Return when at least one of them has something, or a little earlier."""

    def poll(self, events_max: int) -> list[tuple[int, int]]:
        """What they have right now, as (fd, events)."""

    def close(self) -> None: ...


class EpollPoller:
    """An epoll set of our own, which Trio waits for as a whole: public APIs only."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.register = self._epoll.register
        self.modify = self._epoll.modify
        self.unregister = self._epoll.unregister
        self.close = self._epoll.close

    async def wait(self) -> None:
        await trio.lowlevel.wait_readable(self._epoll.fileno())

    def poll(self, events_max: int) -> list[tuple[int, int]]:
        return self._epoll.poll(0, events_max)
