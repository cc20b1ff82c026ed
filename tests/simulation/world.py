"""One run: the people, the processes between them, and what goes wrong."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import trio

from realtime.socket_limits import KIB, SocketLimits
from storage.settings import Settings
from tests.simulation.bus import Ether
from tests.simulation.clock import Trace
from tests.simulation.database import Line, Postgres
from tests.simulation.device import Device
from tests.simulation.failures import Judge
from tests.simulation.ledger import Ledger
from tests.simulation.network import Link, MemoryStream, delay
from tests.simulation.person import Person
from tests.simulation.process import Process
from tests.world import another_session, person

NAMES = ("ana", "ben", "chloe", "dan", "eve")
SCRIPT_SECONDS = 10.0
QUIET_SECONDS = 4.0
DONE_SECONDS_MAX = 60.0
SECRET = b"a secret of the simulation, long enough to sign with"


class World:
    def __init__(self, seed: int, postgres: Postgres) -> None:
        self.seed = seed
        self.postgres = postgres
        self.chance = random.Random(f"world {seed}")
        self.trace = Trace()
        self.judge = Judge(self.trace)
        self.ledger = Ledger(postgres, self.judge)
        self.ether = Ether(random.Random(f"ether {seed}"), self.trace)
        self.settings = Settings(data=Path("/nonexistent"), secret=SECRET, limits_scale=1000.0)
        self.limits = SocketLimits(
            ping_seconds=4.0,
            queue_seconds_max=6.0,
            queue_bytes_max=self.chance.choice([24 * KIB, 1024 * KIB]),
            read_bytes_max=4 * KIB,
            handshake_seconds_max=5.0,
        )
        self.replays_are_short = self.limits.queue_bytes_max < 1024 * KIB
        """What was missed may not fit in what waits for a connection: then one loads anew."""
        self.pause_seconds = self.chance.choice([0.3, 0.6])
        self.cut_probability = self.chance.choice([0.0, 0.0, 0.03])
        self.is_hasty = seed % 4 != 0
        """Whether it ends as soon as all is well, instead of looking whether it lasts."""
        self.is_calm = False
        self.people: list[Person] = []
        self.processes: list[Process] = []
        self.lines: list[Line] = []
        self._busy = 0
        self._idle = trio.Event()
        """Set when nothing of what was begun is still on its way."""
        self._idle.set()
        self._nursery: trio.Nursery | None = None

    # ---- the beginning

    async def begin(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        nursery.start_soon(self.ether.run)
        line = self.line("setup")
        async with line.database.transaction() as tx:
            for name in NAMES[: self.chance.randint(3, len(NAMES))]:
                actor = await person(tx, name)
                sessions = [actor.session_id]
                if self.chance.random() < 0.4:
                    sessions.append(await another_session(tx, actor, f"{name}'s phone"))
                self.people.append(Person(self, name, actor, sessions))
        line.go_down()
        for number in range(self.chance.randint(2, 3)):
            self.start_process(f"p{number + 1}")
        for device in self.devices:
            self.switch_on(device)

    @property
    def devices(self) -> list[Device]:
        return [device for one in self.people for device in one.devices]

    def line(self, name: str) -> Line:
        """A way to the database; see `hang_up`."""
        chance = random.Random(f"line {self.seed} {name}")
        self.lines.append(Line(self.postgres, chance, self.trace, name))
        return self.lines[-1]

    def start_process(self, name: str) -> None:
        process = Process(self, name)
        self.processes.append(process)
        assert self._nursery is not None
        self._nursery.start_soon(process.run)

    def switch_on(self, device: Device) -> None:
        assert self._nursery is not None
        if not device.is_on:
            device.is_on = True
            self._nursery.start_soon(device.run)

    def soon(self, work: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        """Do it beside everything else; `wait_done` waits for it."""
        assert self._nursery is not None
        self._busy += 1
        self._idle = trio.Event()
        self._nursery.start_soon(self._do, work, arguments)

    async def _do(self, work: Callable[..., Awaitable[None]], arguments: tuple[Any, ...]) -> None:
        try:
            await work(*arguments)
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set()

    async def wait_done(self) -> bool:
        """Whether everything that was begun has come to its end."""
        with trio.move_on_after(DONE_SECONDS_MAX):
            await self._idle.wait()
        return self._idle.is_set()

    async def dial(self, url: str) -> MemoryStream:
        """As `bench.link.dial`: to any of the processes, as the kernel deals them out."""
        name = (urlsplit(url).hostname or "").removesuffix(".sim")
        [device] = [one for one in self.devices if one.name == name]
        await trio.sleep(delay(device.chance))
        up = [process for process in self.processes if process.is_up]
        if not up:
            raise ConnectionRefusedError("nobody listens")
        process = device.chance.choice(up)
        link = Link(device.name, device.chance)
        process.listener.call(link, device.name)
        device.stream = MemoryStream(link)
        self.trace.note(device.name, f"calls {process.name}")
        return device.stream

    # ---- trouble, and peace

    async def live(self) -> None:
        ether, chance = self.ether, self.chance
        if chance.random() < 0.8:
            ether.lose_probability = chance.choice([0.0, 0.05, 0.2])
            ether.lose_silently_probability = chance.choice([0.0, 0.05, 0.2])
            ether.double_probability = chance.choice([0.0, 0.1])
            ether.late_probability = chance.choice([0.0, 0.1, 0.3])
        async with trio.open_nursery() as nursery:
            for one in self.people:
                nursery.start_soon(one.live)
            nursery.start_soon(self._make_trouble)
            await trio.sleep(SCRIPT_SECONDS)
            self.is_calm = True
        await self._say_last_words()
        ether.lose_probability = ether.lose_silently_probability = 0.0
        ether.double_probability = ether.late_probability = 0.0
        for process in self.processes:
            process.line.cut_probability = 0.0
        self.trace.note("WORLD", "is calm")

    async def _say_last_words(self) -> None:
        """In a quiet moment after which nothing follows: if they are lost, no gap shows it."""
        for device in self.devices:
            self.switch_on(device)
        await trio.sleep(QUIET_SECONDS)
        for one in self.people:
            await one.talk(one.devices[0])
        await trio.sleep(QUIET_SECONDS / 2)

    async def _make_trouble(self) -> None:
        while not self.is_calm:
            await trio.sleep(self.chance.uniform(0.5, 6.0))
            trouble = self.chance.choice([self._crash, self._crash, self._outage, self._roll])
            await trouble()

    async def _crash(self) -> None:
        up = [process for process in self.processes if process.is_up]
        if up:
            process = self.chance.choice(up)
            self.trace.note(process.name, "crashes")
            process.crash()
            await self._restart(process)

    async def _roll(self) -> None:
        up = [process for process in self.processes if process.is_up]
        if up:
            process = self.chance.choice(up)
            self.trace.note(process.name, "is told to end")
            await process.stop()
            await self._restart(process)

    async def _restart(self, process: Process) -> None:
        await process.ended.wait()
        self.processes.remove(process)
        await trio.sleep(self.chance.uniform(0.2, 3.0))
        name, _, life = process.name.partition(".")
        self.start_process(f"{name}.{int(life or 1) + 1}")

    async def _outage(self) -> None:
        self.trace.note("WORLD", "loses its database")
        before = self.ether.lose_probability
        self.ether.lose_probability = 1.0
        lines = [process.line for process in self.processes]
        for line in lines:
            line.go_down()
        await trio.sleep(self.chance.uniform(0.2, 2.5))
        for process in self.processes:
            process.line.is_down = False
            process.bus.say_lost()
        self.ether.lose_probability = before
        self.trace.note("WORLD", "has its database again")

    # ---- the end

    async def part(self) -> None:
        """Everybody leaves: with a goodbye, in mid-sentence, or in a tunnel."""
        for device in self.devices:
            how = self.chance.choice(["goodbye", "cut", "silent"])
            self.trace.note(device.name, f"leaves: {how}")
            if how == "goodbye":
                self.soon(device.switch_off)
                continue
            if how == "silent" and device.link is not None:
                device.link.to_server.silence()
                device.link.to_client.silence()
            device.die()

    def end(self) -> None:
        for process in self.processes:
            process.crash()
        assert self._nursery is not None
        self._nursery.cancel_scope.cancel()

    def hang_up(self) -> None:
        """However it ended, the next run finds the database free."""
        for line in self.lines:
            line.go_down()
