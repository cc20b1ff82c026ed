"""One life of one realtime process: all of it real, but for kernel, bus and distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from realtime.client import Client
from realtime.commands.surface import COMMANDS
from realtime.connection import Connection
from realtime.core import Core
from realtime.disconnects import GOING_AWAY
from realtime.door import Door
from realtime.reactor import Reactor
from storage.gate import Gate
from tests.simulation.bus import MemoryBus
from tests.simulation.network import MemoryListener, MemoryPoller, MemorySocket

if TYPE_CHECKING:
    from tests.simulation.world import World

FAREWELL_SECONDS_MAX = 4.0
BATCHER_TASKS = 3


class WatchedDoor(Door):
    """Remembers whom it let in, to ask at the end what is left of them."""

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self.clients: list[Client] = []

    def opened(self, connection: Connection) -> None:
        super().opened(connection)
        self.clients.append(connection.state)


class Process:
    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.line = world.line(name)
        self.bus = MemoryBus(world.ether)
        self.poller = MemoryPoller()
        self.listener = MemoryListener(self.poller)
        self.is_up = False
        self.ended = trio.Event()
        self._nursery: trio.Nursery | None = None
        self._tasks_when_idle = 0

    async def run(self) -> None:
        """Until it is crashed or stopped."""
        world = self.world
        world.trace.note(self.name, "starts")
        self.line.cut_probability = world.cut_probability
        try:
            async with trio.open_nursery() as self._nursery:
                self.gate = Gate(
                    self.line.database, self.bus, world.settings, batches=self._nursery
                )
                self.core = Core(self.gate, COMMANDS, ping_seconds=world.limits.ping_seconds)
                self.door = WatchedDoor(self.core)
                self.reactor = Reactor(
                    self.door,
                    limits=world.limits,
                    allowed_origins=world.settings.allowed_origins,
                    poller=self.poller,
                )
                await self._nursery.start(self.core.run)
                self._nursery.start_soon(self.door.run)
                await self._nursery.start(self.reactor.serve, self.listener)
                await trio.lowlevel.checkpoint()
                self._tasks_when_idle = self._count_tasks()
                self.is_up = True
        finally:
            self.is_up = False
            self.ended.set()
            world.trace.note(self.name, "is gone")

    def crash(self) -> None:
        """No goodbye: what it had not sent or committed is lost, its leases run out."""
        self.is_up = False
        self.bus.die()
        self.line.go_down()
        for sock in self.poller.sockets.values():
            if isinstance(sock, MemorySocket):
                sock.is_closed = True
                sock.link.cut()
        for link, _ in self.listener._calling:
            link.cut()
        assert self._nursery is not None
        self._nursery.cancel_scope.cancel()

    async def stop(self) -> None:
        """As on SIGTERM: everybody is told to come back, elsewhere or later."""
        self.is_up = False
        self.reactor.close_all(GOING_AWAY)
        with trio.move_on_after(FAREWELL_SECONDS_MAX):
            await self.reactor.wait_empty()
        self.crash()

    @property
    def extra_tasks(self) -> int:
        """Beyond those that an idle process has."""
        batchers = BATCHER_TASKS * len(self.gate._batchers)
        return self._count_tasks() - self._tasks_when_idle - batchers

    def _count_tasks(self) -> int:
        assert self._nursery is not None
        count, nurseries = 0, [self._nursery]
        while nurseries:
            children = nurseries.pop().child_tasks
            count += len(children)
            nurseries += [nursery for task in children for nursery in task.child_nurseries]
        return count
