"""The bus of a simulation: quick and at most once. It loses, doubles, delays and reorders.

As on the real one, what is lost is announced (a number is missing, or a process fell silent),
sometimes a second late. Entries are now and then lost without a word too, which tips must show;
not those that matter outside of their topic, and no whispers, for nothing else would tell of them.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count

import trio

from realtime.core import RECHECKING_KINDS
from storage.bus import Listener
from storage.ids import new_id
from storage.journal import Entry
from tests.simulation.clock import Trace

LEAVES_SECONDS_MAX = 0.05
"""From being published to having left the process, which may die meanwhile."""
SILENCE_SECONDS_MAX = 4.0
"""After which the others notice that a process is gone."""


class Ether:
    """What lies between the processes."""

    def __init__(self, chance: random.Random, trace: Trace) -> None:
        self.chance = chance
        self.trace = trace
        self.nodes: list[MemoryBus] = []
        self.lose_probability = 0.0
        self.lose_silently_probability = 0.0
        self.double_probability = 0.0
        self.late_probability = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._wake = trio.Event()

    async def run(self) -> None:
        while True:
            self._wake = trio.Event()
            due = self._due[0][0] if self._due else float("inf")
            with trio.move_on_at(due):
                await self._wake.wait()
            while self._due and self._due[0][0] <= trio.current_time():
                heapq.heappop(self._due)[2]()

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._due, (trio.current_time() + seconds, next(self._numbers), call))
        self._wake.set()

    def carry(
        self, origin: MemoryBus, tell: Callable[[Listener], None], entry: Entry | None
    ) -> None:
        for node in self.nodes:
            if node is not origin:
                self._carry_to(node, origin, tell, entry)

    def silent(self, origin: MemoryBus) -> None:
        for node in self.nodes:
            if node is not origin:
                self.later(self.chance.uniform(1, SILENCE_SECONDS_MAX), node.say_lost)

    def _carry_to(
        self,
        node: MemoryBus,
        origin: MemoryBus,
        tell: Callable[[Listener], None],
        entry: Entry | None,
    ) -> None:
        chance = self.chance
        may_vanish = entry is not None and entry.kind not in RECHECKING_KINDS
        if may_vanish and chance.random() < self.lose_silently_probability:
            return
        if chance.random() < self.lose_probability:
            self.later(chance.uniform(0.0, 1.5), node.say_lost)
            return
        for _ in range(2 if chance.random() < self.double_probability else 1):
            way = chance.uniform(0.001, 0.02)
            if chance.random() < self.late_probability:
                way += chance.uniform(0.1, 2.0)
            leaves = chance.uniform(0, LEAVES_SECONDS_MAX)
            self.later(leaves, lambda way=way: self._leave(node, origin, tell, way))  # type: ignore[misc]

    def _leave(
        self, node: MemoryBus, origin: MemoryBus, tell: Callable[[Listener], None], way: float
    ) -> None:
        if origin.is_alive:
            self.later(way, lambda: node.hear(tell))


class MemoryBus:
    """A `storage.bus.Bus` of one life of one process."""

    connected = True

    def __init__(self, ether: Ether) -> None:
        self.origin = new_id()
        self.is_alive = True
        self.listeners: list[Listener] = []
        self._ether = ether
        ether.nodes.append(self)

    def publish_many(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._publish(lambda listener, entry=entry: listener.heard(entry), entry)  # type: ignore[misc]

    def whisper(self, topic: str, kind: str, body: bytes) -> None:
        self._publish(lambda listener: listener.whispered(topic, kind, body), None)

    @contextmanager
    def subscribe(self, listener: Listener) -> Iterator[None]:
        self.listeners.append(listener)
        try:
            yield
        finally:
            self.listeners.remove(listener)

    def die(self) -> None:
        self.is_alive = False
        self._ether.nodes.remove(self)
        self._ether.silent(self)

    def say_lost(self) -> None:
        self.hear(lambda listener: listener.lost())

    def hear(self, tell: Callable[[Listener], None]) -> None:
        if self.is_alive:
            for listener in self.listeners:
                tell(listener)

    def _publish(self, tell: Callable[[Listener], None], entry: Entry | None) -> None:
        if self.is_alive:
            self.hear(tell)
            self._ether.carry(self, tell, entry)
