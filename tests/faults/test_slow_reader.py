"""Readers that stall: dropped at their cap, memory flat, the others served as before."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
import trio

from realtime.frames import CLOSE, PING, PONG
from realtime.socket_limits import MIB, SocketLimits
from storage.actor import Actor
from storage.gate import Gate
from storage.ids import ConversationId, new_id
from tests.faults.instance import realtime
from tests.faults.talk import make_group
from tests.realtime.socket.wire import HANDSHAKE, Client, masked
from tests.realtime.sockets import token_of
from tests.world import World, person

READERS = 18
SLOW = 40
TEXT = "w" * 3_200  # Frames below what queues share: each that waits is memory of its own.
MESSAGES_MAX = 800
CALM_MESSAGES = 60
SENT_AT_ONCE = 20
RECEIVE_BYTES = 4_096
WORK_BYTES_MAX = 30 * MIB  # What a process takes for its work, whoever reads.

ROUND_SECONDS_MAX = 60.0
WAITED_SECONDS = SocketLimits().queue_seconds_max / 2
"""A room that waited for its slowest would wait until that one is dropped, twice as long as this.
How flat the others' p99 stays is the bench's to say."""
REST_SECONDS_MAX = 10.0


@asynccontextmanager
async def signed_in(
    port: int, actor: Actor, have: dict[str, int] | None = None, receive_bytes: int = 0
) -> AsyncIterator[Client]:
    """A connection whose reader is whoever uses it: nobody else takes anything off it."""
    plain = trio.socket.socket()
    if receive_bytes:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    await plain.connect(("127.0.0.1", port))
    async with trio.SocketStream(plain) as stream:
        client = Client(stream)
        head = HANDSHAKE.replace(b"http://loopync.example", b"http://localhost:8000")
        await client.send(head)
        assert (await client.head()).startswith(b"HTTP/1.1 101 ")
        await client.send(request(1, "connect", {"token": token_of(actor), "have": have or {}}))
        yield client


def request(request_id: int, event: str, data: object) -> bytes:
    return masked(msgspec.json.encode({"id": request_id, "event": event, "data": data}))


async def read(client: Client) -> Any:
    """The next message; None for the end. Whoever reads answers pings."""
    while True:
        opcode, payload = await client.frame()
        if opcode == CLOSE:
            return None
        if opcode != PING:
            return msgspec.json.decode(payload)
        await client.send(masked(payload, PONG))


def growth_bytes_max(slow: int) -> int:
    """A full queue for each of the slow ones, and the work."""
    return slow * SocketLimits().queue_bytes_max + WORK_BYTES_MAX


@dataclass
class Round:
    """Ana sends, twenty at a time, and each of the readers says when they have the last of them."""

    process: psutil.Process
    ana: Client
    readers: list[Client]
    group: ConversationId
    sent: int = 0
    seconds: list[float] = field(default_factory=list)
    peak_bytes: int = 0

    async def once(self) -> None:
        began = trio.current_time()
        with trio.fail_after(ROUND_SECONDS_MAX):
            await self.ana.send(b"".join(self._next() for _ in range(SENT_AT_ONCE)))
            async with trio.open_nursery() as nursery:
                for reader in (self.ana, *self.readers):
                    nursery.start_soon(self._until_last, reader)
        self.seconds.append(trio.current_time() - began)
        self.peak_bytes = max(self.peak_bytes, self.process.memory_info().rss)

    def _next(self) -> bytes:
        self.sent += 1
        data = {"conversationId": self.group, "text": TEXT, "clientId": new_id()}
        return request(self.sent + 1, "send_message", data)

    async def _until_last(self, reader: Client) -> None:
        last_seq = self.sent + 1  # The group's own note is its first message.
        while True:
            said = await read(reader)
            assert said is not None, "a reader who reads is closed"
            if said.get("event") == "new_message" and said["data"]["seq"] == last_seq:
                return

    def slowest(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]


@dataclass
class Findings:
    growth_bytes: int
    calm_seconds: float
    busy_seconds: float
    codes: list[int]
    """What each of the slow ones finds at the end of what it did get; 0 for no end yet."""
    lasts: list[dict[str, int]]
    sent: int
    regained: list[int] = field(default_factory=list)


async def stall(
    gate: Gate, world: World, data: Path, database_url: str, *, variant: str, slow: int = SLOW
) -> Findings:
    """A busy group, at first with those who read alone, then with `slow` that do not."""
    async with gate.database.transaction() as tx:
        readers = [await person(tx, f"reader{number}") for number in range(READERS)]
        stalled = [await person(tx, f"slow{number}") for number in range(slow)]
    group = await make_group(gate, world.ana, *readers, *stalled)
    topic = f"conversation:{group}"
    async with trio.open_nursery() as nursery:
        with realtime(variant, data, database_url) as (process, port):
            clients = [await _opened(nursery, port, actor, 0) for actor in (world.ana, *readers)]
            calm = Round(process, clients[0], clients[1:], group)
            while calm.sent < CALM_MESSAGES:
                await calm.once()
            stuck = [await _opened(nursery, port, actor, RECEIVE_BYTES) for actor in stalled]
            before_bytes = process.memory_info().rss
            busy = Round(process, clients[0], clients[1:], group, sent=calm.sent)
            while busy.sent < MESSAGES_MAX:
                await busy.once()
            ends = await _rests(stuck, topic)
            findings = Findings(
                busy.peak_bytes - before_bytes,
                calm.slowest(),
                busy.slowest(),
                [code for code, _ in ends],
                [have for _, have in ends],
                busy.sent + 1,
            )
            if findings.codes[0]:
                findings.regained = await _regain(port, stalled[0], group, ends[0][1])
            nursery.cancel_scope.cancel()
    print(  # noqa: T201 - for whoever wants to know; nothing is held by it
        f"{variant}, {slow} slow: memory +{findings.growth_bytes / MIB:.0f} MiB,"
        f" the slowest round {findings.calm_seconds * 1000:.0f} ms without them,"
        f" {findings.busy_seconds * 1000:.0f} ms with them"
    )
    return findings


async def _opened(nursery: trio.Nursery, port: int, actor: Actor, receive_bytes: int) -> Client:
    """Caught up, and then as still as whoever has it."""

    async def hold(*, task_status: trio.TaskStatus[Client]) -> None:
        async with signed_in(port, actor, receive_bytes=receive_bytes) as client:
            while (await read(client)).get("event") != "caught_up":
                pass
            task_status.started(client)
            await trio.sleep_forever()

    client: Client = await nursery.start(hold)
    return client


async def _rests(clients: list[Client], topic: str) -> list[tuple[int, dict[str, int]]]:
    ends: list[tuple[int, dict[str, int]]] = [(0, {})] * len(clients)

    async def read_one(place: int) -> None:
        ends[place] = await _rest(clients[place], topic)

    async with trio.open_nursery() as nursery:
        for place in range(len(clients)):
            nursery.start_soon(read_one, place)
    return ends


async def _rest(client: Client, topic: str) -> tuple[int, dict[str, int]]:
    """What is still on its way to a slow one: the code at its end, and what it has then."""
    last = 0
    with trio.move_on_after(REST_SECONDS_MAX):
        try:
            while True:
                opcode, payload = await client.frame()
                if opcode == CLOSE:
                    return int.from_bytes(payload[:2], "big"), {topic: last}
                if opcode == PING:
                    continue
                said = msgspec.json.decode(payload)
                if said.get("topic") == topic:
                    assert last in (0, said["seq"] - 1), "in order, as far as it came"
                    last = said["seq"]
        except (EOFError, trio.BrokenResourceError):
            return 4001, {topic: last}  # Cut, for it did not even take the goodbye.
    return 0, {topic: last}


async def _regain(
    port: int, actor: Actor, group: ConversationId, have: dict[str, int]
) -> list[int]:
    """Come back with what one has, and load what is not told again: the messages' numbers."""
    topic = f"conversation:{group}"
    async with signed_in(port, actor, have) as client:
        regained: list[int] = []
        resync = False
        while (said := await read(client)).get("event") != "caught_up":
            resync = resync or said.get("event") == "resync"
            if said.get("topic") == topic:
                regained.append(said["data"]["seq"])
        after, has_after = have[topic], resync
        while has_after:
            data = {"conversationId": group, "after": after, "limit": 100}
            await client.send(request(2, "list_messages", data))
            while "id" not in (said := await read(client)):
                pass
            regained += [message["seq"] for message in said["data"]["messages"]]
            after, has_after = regained[-1], said["data"]["hasAfter"]
        return regained


@pytest.mark.parametrize("slow", [1, SLOW])
async def test_who_stalls_is_dropped_and_regains_all_and_the_others_hear_as_before(
    gate: Gate, world: World, tmp_path: Path, database_url: str, slow: int
) -> None:
    found = await stall(gate, world, tmp_path, database_url, variant="small_buffers", slow=slow)
    assert found.codes == [4001] * slow
    assert found.growth_bytes < growth_bytes_max(slow)
    assert found.busy_seconds < max(10 * found.calm_seconds, WAITED_SECONDS)
    [have] = found.lasts[0].values()
    assert found.regained == list(range(have + 1, found.sent + 1))


async def test_without_a_cap_that_test_would_see_memory_grow(
    gate: Gate, world: World, tmp_path: Path, database_url: str
) -> None:
    found = await stall(gate, world, tmp_path, database_url, variant="uncapped")
    assert found.codes == [0] * SLOW
    assert found.growth_bytes > growth_bytes_max(SLOW)
