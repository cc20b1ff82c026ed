"""One Trio task over an epoll set of its own serves every connection of this process.

Trio waits until the epoll set as a whole has something, then it is polled here (`realtime.poller`).
An idle connection is an object of a few hundred bytes and no task.
"""

import errno
import gc
import select
import socket
from collections import deque
from collections.abc import Collection

import structlog
import trio

from realtime import handshake
from realtime.application import Application, Guard
from realtime.connection import READ, Connection
from realtime.disconnects import Disconnect
from realtime.listener import listen
from realtime.poller import EpollPoller, Poller
from realtime.socket_limits import SocketLimits
from realtime.sweeper import sweep

__all__ = ["Application", "Connection", "Reactor", "SocketLimits", "listen"]

log = structlog.get_logger()

HUNG_UP = select.EPOLLHUP | select.EPOLLERR
# The machine, not the client, is out of something: accepting again at once would spin.
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
FREEZE_CONNECTIONS = 1000


class Reactor:
    """`serve` may run once. Everything else may be called while it runs, in its thread.

    `allowed_origins`: exact values of the Origin header; None admits any and none.
    `address_port`: also pages from this port of the address that the socket is opened at.
    `paths`: where sockets are opened; None admits any path.
    `poller`: by default an epoll set.
    """

    def __init__(
        self,
        application: Application,
        *,
        limits: SocketLimits,
        allowed_origins: frozenset[str] | None,
        address_port: int | None = None,
        paths: Collection[str] | None = handshake.SOCKET_PATHS,
        poller: Poller | None = None,
    ) -> None:
        self.application: Application = Guard(application)
        self.limits = limits
        self.now = 0.0
        self.buffer = memoryview(bytearray(limits.read_bytes_max))
        self.connections: dict[int, Connection] = {}
        # What the sweeper looks at; by insertion, so that the oldest come first.
        self.handshaking: dict[Connection, float] = {}
        self.endings: dict[Connection, float] = {}
        self.waiting: dict[Connection, None] = {}  # As a set that keeps its order.

        self._allowed_origins = allowed_origins
        self._address_port = address_port
        self._paths = paths
        self._poller = poller or EpollPoller()
        self._listener: socket.socket | None = None
        self._accepting_from: float | None = None
        self._unsettled: deque[Connection] = deque()
        self._unfinished: dict[Connection, None] = {}
        self._is_in_turn = False
        self._settler = trio.lowlevel.ParkingLot()
        self._emptied = trio.Event()
        self._frozen_count = 0

    async def serve(
        self,
        listener: socket.socket,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Until cancelled; owns `listener` (non-blocking, see listen)."""
        self._listener = listener
        self.now = trio.current_time()
        try:
            self._poller.register(listener.fileno(), READ)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._settle_pushed)
                nursery.start_soon(sweep, self)
                task_status.started()
                await self._turn_for_ever()
        finally:
            self.stop_accepting()
            for connection in list(self.connections.values()):
                connection.abandon()
            for connection in self._unsettled:
                connection.settle()
            self._poller.close()

    def close_all(self, disconnect: Disconnect) -> None:
        """Accept nobody new, and say goodbye to everybody; see wait_empty."""
        self.stop_accepting()
        for connection in list(self.connections.values()):
            connection.close(disconnect)

    async def wait_empty(self) -> None:
        """After close_all: until the last connection is gone (`close_seconds_max` at the most)."""
        if self.connections:
            await self._emptied.wait()

    def stop_accepting(self) -> None:
        if self._listener is not None:
            self._pause_accepting()
            self._accepting_from = None
            self._listener.close()
            self._listener = None

    # For connections and the sweeper.

    def answer(self, head: bytes) -> handshake.Accepted | handshake.Refused:
        return handshake.answer(
            head,
            headers_max=self.limits.handshake_headers_max,
            allowed_origins=self._allowed_origins,
            address_port=self._address_port,
            paths=self._paths,
        )

    def soon(self, connection: Connection) -> None:
        self._unsettled.append(connection)
        if not self._is_in_turn:
            self._settler.unpark()

    def resume(self, connection: Connection) -> None:
        self._unfinished[connection] = None

    def watch(self, connection: Connection, events: int) -> None:
        self._poller.modify(connection.fd, events)
        if events & select.EPOLLOUT:
            self.waiting[connection] = None
        else:
            self.waiting.pop(connection, None)

    def shaken(self, connection: Connection) -> None:
        self.handshaking.pop(connection, None)

    def ending(self, connection: Connection) -> None:
        self.endings.setdefault(connection, self.now)

    def gone(self, connection: Connection) -> None:
        self._poller.unregister(connection.fd)
        del self.connections[connection.fd]
        self.handshaking.pop(connection, None)
        self.endings.pop(connection, None)
        self.waiting.pop(connection, None)
        if not self.connections and self._listener is None:
            self._emptied.set()

    def accept_again(self) -> None:
        """If accepting has paused for long enough."""
        if self._accepting_from is not None and self.now >= self._accepting_from:
            assert self._listener is not None
            self._accepting_from = None
            self._poller.register(self._listener.fileno(), READ)

    # The turns.

    async def _turn_for_ever(self) -> None:
        while True:
            if self._unfinished:
                await trio.lowlevel.checkpoint()
            else:
                await self._poller.wait()
            self.now = trio.current_time()
            self._is_in_turn = True
            try:
                self._turn()
            finally:
                self._is_in_turn = False
            await self._settle()

    def _turn(self) -> None:
        connections = self.connections
        is_calling = False
        for fd, events in self._poller.poll(self.limits.events_per_turn):
            connection = connections.get(fd)
            if connection is None:
                # Accepted last: until then no descriptor of this turn's events is used anew.
                is_calling = True
                continue
            if events & select.EPOLLOUT:
                connection.flush()
            if events & READ:
                connection.read()
            elif events & HUNG_UP:
                connection.abandon()
        unfinished, self._unfinished = self._unfinished, {}
        for connection in unfinished:
            connection.work()
        if is_calling:
            self._accept()

    async def _settle(self) -> None:
        """Send what was pushed: a fan-out to thousands takes several ticks."""
        while True:
            for _ in range(min(len(self._unsettled), self.limits.sends_per_turn)):
                self._unsettled.popleft().settle()
            if not self._unsettled:
                return
            await trio.lowlevel.checkpoint()

    async def _settle_pushed(self) -> None:
        """What was pushed outside of a turn leaves at the end of the tick, joined."""
        while True:
            await self._settler.park()
            await self._settle()

    def _accept(self) -> None:
        for _ in range(self.limits.accepts_per_turn):
            if self._listener is None:
                return
            try:
                client, address = self._listener.accept()
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    continue  # That client hung up while it was waiting.
                log.warning("accept_paused", error=str(error), connections=len(self.connections))
                self._pause_accepting()
                return
            self._welcome(client, str(address[0]) if address else "")
        else:
            return
        # The wave is over. What lives as long as its connection need not be looked at by the
        # collector ever again; the young garbage must not be kept with it.
        if len(self.connections) >= self._frozen_count + FREEZE_CONNECTIONS:
            gc.collect(1)
            gc.freeze()
            self._frozen_count = len(self.connections)

    def _welcome(self, client: socket.socket, address: str) -> None:
        client.setblocking(False)
        if client.family != socket.AF_UNIX:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(client, address, self)
        self.connections[connection.fd] = connection
        self.handshaking[connection] = self.now
        self._poller.register(connection.fd, READ)
        if len(self.connections) > self.limits.connections_max:
            connection.refuse(handshake.FULL)
        elif len(self.handshaking) > self.limits.handshakes_max:
            # Whoever is honest has long finished: the oldest is the likeliest to be an attacker.
            next(iter(self.handshaking)).abandon()

    def _pause_accepting(self) -> None:
        if self._listener is not None and self._accepting_from is None:
            self._poller.unregister(self._listener.fileno())
            self._accepting_from = self.now + self.limits.accept_pause_seconds
