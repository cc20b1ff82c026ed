"""Stand-ins for the edges of the realtime core: connections, the bus and the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import msgspec
import trio

from realtime.client import Client
from realtime.connection import Connection
from realtime.disconnects import Disconnect
from realtime.reader import Belongings
from storage.actor import Actor
from storage.bus import Listener
from storage.database import DatabaseUnavailable
from storage.ids import SessionId, UserId, new_id
from storage.journal import Entry, Span


@dataclass(eq=False)
class FakeConnection:
    """Keeps what is pushed, as decoded JSON."""

    address: str = "127.0.0.1"
    user_agent: str = ""
    state: Any = None
    said: list[Any] = field(default_factory=list)
    disconnect: Disconnect | None = None
    queue_bytes: int = 0
    news: trio.Event = field(default_factory=trio.Event)

    @property
    def as_connection(self) -> Connection:
        return cast("Connection", self)

    @property
    def open(self) -> bool:
        return self.disconnect is None

    def push(self, frame: bytes) -> None:
        if self.open:
            self.said += payloads(frame)
            self._tell()

    def close(self, disconnect: Disconnect) -> None:
        if self.open:
            self.disconnect = disconnect
            self._tell()

    def _tell(self) -> None:
        self.news.set()
        self.news = trio.Event()

    @property
    def close_code(self) -> int | None:
        return self.disconnect.code if self.disconnect else None


def payloads(frames: bytes) -> list[Any]:
    """The messages in unmasked frames that lie one behind the other."""
    messages = []
    while frames:
        length, at = frames[1], 2
        if length == 126:
            length, at = int.from_bytes(frames[2:4], "big"), 4
        elif length == 127:
            length, at = int.from_bytes(frames[2:10], "big"), 10
        messages.append(msgspec.json.decode(frames[at : at + length]))
        frames = frames[at + length :]
    return messages


def connected_client(actor: Actor | None = None) -> tuple[Client, FakeConnection]:
    """A connection that is signed in; as somebody new unless told."""
    actor = actor or Actor(user_id=UserId(new_id()), session_id=SessionId(new_id()))
    connection = FakeConnection()
    client = Client(connection.as_connection)
    connection.state = client
    client.actor, client.user = actor, str(actor.user_id)
    return client, connection


def entry(topic: str, seq: int, kind: str = "noted", body: bytes | None = None) -> Entry:
    return Entry(topic, seq, kind, b'{"n":%d}' % seq if body is None else body)


def seqs_of(connection: FakeConnection, topic: str) -> list[int]:
    return [
        said["seq"] for said in connection.said if said.get("topic") == topic and "data" in said
    ]


class FakeBus:
    """Carries everything to all that listen, at once."""

    origin = UUID(int=1)
    connected = True

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.whispers: list[tuple[str, str, bytes]] = []

    def publish_many(self, entries: Iterable[Entry]) -> None:
        for one in entries:
            for listener in self.listeners:
                listener.heard(one)

    def whisper(self, topic: str, kind: str, body: bytes) -> None:
        self.whispers.append((topic, kind, body))
        for listener in self.listeners:
            listener.whispered(topic, kind, body)

    @contextmanager
    def subscribe(self, listener: Listener) -> Iterator[None]:
        self.listeners.append(listener)
        yield
        self.listeners.remove(listener)


class FakeReader:
    """A journal in memory, which may be out of reach or have forgotten its beginning."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[int, Entry]] = {}
        self.found = Belongings(set(), {})
        self.is_down = False
        self.reads = 0

    def append(self, *entries: Entry) -> None:
        for one in entries:
            self.entries.setdefault(one.topic, {})[one.seq] = one

    async def tips(self, topics: Iterable[str]) -> dict[str, int]:
        await self._ask()
        return {topic: max(self.entries[topic]) for topic in topics if self.entries.get(topic)}

    async def between(self, spans: Sequence[Span]) -> list[Entry]:
        await self._ask()
        return [
            self.entries[topic][seq]
            for topic, after, up_to in spans
            for seq in range(after + 1, up_to + 1)
            if seq in self.entries.get(topic, {})
        ]

    async def belongings(self, actors: Sequence[Actor]) -> Belongings:
        await self._ask()
        return self.found

    async def _ask(self) -> None:
        await trio.lowlevel.checkpoint()
        self.reads += 1
        if self.is_down:
            raise DatabaseUnavailable("the fake is down")
