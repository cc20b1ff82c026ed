"""A realtime process over this test's own database, and connections to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import trio

from realtime.commands.surface import COMMANDS
from realtime.core import Core
from realtime.disconnects import NORMAL
from realtime.door import Door
from realtime.frames import TEXT
from storage import clock
from storage.actor import Actor
from storage.domains.identity.access_tokens import issue_access_token
from storage.gate import Gate
from tests.realtime.fakes import FakeConnection

PATIENCE_SECONDS = 5.0


@dataclass
class Device:
    """One connection of somebody, without a socket: requests go in, and what is said is kept."""

    core: Core
    door: Door
    connection: FakeConnection = field(default_factory=FakeConnection)
    last_id: int = 0
    read_up_to: int = 0

    @property
    def said(self) -> list[Any]:
        return self.connection.said

    def send(self, event: str, data: object = None, *, request_id: int | None = None) -> int:
        self.last_id = request_id or self.last_id + 1
        frame = {"id": self.last_id, "event": event, "data": {} if data is None else data}
        self.send_raw(msgspec.json.encode(frame))
        return self.last_id

    def send_raw(self, payload: bytes, opcode: int = TEXT) -> None:
        self.door.message(self.connection.as_connection, payload, opcode)

    async def ask(self, event: str, data: object = None) -> Any:
        """The reply's data, or its error."""
        request_id = self.send(event, data)
        reply = await self.reply_to(request_id)
        return reply["data"] if reply["success"] else reply["error"]

    async def reply_to(self, request_id: int) -> Any:
        return await self.wait_for(lambda said: said.get("id") == request_id)

    async def push(self, event: str, **values: object) -> Any:
        """The first push of this event whose data has these values."""

        def is_it(said: Any) -> bool:
            fits = values.items() <= said["data"].items() if "data" in said else False
            return said.get("event") == event and "id" not in said and fits

        return await self.wait_for(is_it)

    def pushes(self, event: str) -> list[Any]:
        return [said for said in self.said if said.get("event") == event and "id" not in said]

    async def wait_for(self, is_it: Callable[[Any], bool]) -> Any:
        with trio.fail_after(PATIENCE_SECONDS):
            while True:
                for said in self.said:
                    if is_it(said):
                        return said
                await self.connection.news.wait()

    async def closed(self) -> int:
        """The code this connection was closed with; then the reactor says that it is gone."""
        with trio.fail_after(PATIENCE_SECONDS):
            while self.connection.disconnect is None:
                await self.connection.news.wait()
        code = self.connection.disconnect.code
        self.gone()
        return code

    def gone(self) -> None:
        """As when the network went away."""
        self.connection.close(NORMAL)
        self.door.closed(self.connection.as_connection)


@dataclass
class Process:
    """One realtime process."""

    core: Core
    door: Door
    secret: bytes

    def token_of(self, actor: Actor) -> str:
        return issue_access_token(
            self.secret,
            user_id=actor.user_id,
            session_id=actor.session_id,
            role=actor.role,
            now=clock.utc_now(),
        )

    def open(self) -> Device:
        device = Device(self.core, self.door)
        self.door.opened(device.connection.as_connection)
        return device

    async def connect(self, actor: Actor, have: dict[str, int] | None = None) -> Device:
        device = self.open()
        device.send("connect", {"token": self.token_of(actor), "have": have or {}})
        await device.wait_for(lambda said: said.get("event") == "caught_up")
        return device


@asynccontextmanager
async def running_process(gate: Gate) -> AsyncIterator[Process]:
    core = Core(gate, COMMANDS, ping_seconds=20)
    door = Door(core)
    async with trio.open_nursery() as nursery:
        await nursery.start(core.run)
        nursery.start_soon(door.run)
        yield Process(core, door, gate.settings.secret)
        nursery.cancel_scope.cancel()


@pytest.fixture
async def process(gate: Gate) -> AsyncIterator[Process]:
    async with running_process(gate) as process:
        yield process
