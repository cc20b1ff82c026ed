"""What a client may send that is no request: an answer or an end for its sender, and no more."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import pytest
import trio

from realtime.application import Guard
from realtime.commands.surface import COMMANDS
from realtime.connection import Connection
from realtime.door import FAULTS_MAX
from realtime.frames import BINARY, CLOSE, CONTINUATION, PING, TEXT
from realtime.main import serve
from realtime.reactor import SocketLimits, listen
from storage.actor import Actor
from storage.gate import Gate
from storage.ids import ConversationId, new_id
from tests.faults.talk import make_group
from tests.needs import scale
from tests.realtime.conftest import Device, Process
from tests.realtime.socket.wire import HANDSHAKE, Client, Echo, fragments, goodbye, masked, serving
from tests.realtime.sockets import Socket, open_socket, token_of
from tests.world import World

NONE = b"00000000-0000-0000-0000-000000000000"
BODIES = [
    b"null",
    b"[]",
    b'"\\ud800"',
    b"1" + b"0" * 400,
    b"1e999",
    b'{"text":"a\\u0000b","clientId":"%b","conversationId":"%b"}' % (NONE, NONE),
    b'{"text":"\\ud800","clientId":"%b","conversationId":"%b"}' % (NONE, NONE),
    b'{"conversationId":"%b","seq":-1}' % NONE,
    b'{"conversationId":"%b","seq":9223372036854775808}' % NONE,
    b'{"conversationId":"%b","seq":1e300}' % NONE,
    b'{"conversationId":7}',
    b'{"conversationId":"%b","more":1}' % NONE,
    b'{"userIds":"everybody"}',
    b'{"userId":"%b","userId":7}' % NONE,
    b'{"userIds":[' + b",".join([b'"%b"' % NONE] * 5000) + b"]}",
    b'{"cursor":"\\u0000"}',
    b'{"cursor":"%b","limit":99999999999}' % (b"A" * 4000),
    b"[" * 50_000 + b"]" * 50_000,
    b'{"name":"' + b"x" * 200_000 + b'"}',
]
REQUESTS = [
    *(b'{"id":1,"event":"%b","data":%b}' % (b"send_message", body) for body in BODIES),
    b"\x00",
    b'{"id":1e5,"event":"ping"}',
    b'{"id":9007199254740993,"event":"ping"}',
    b'{"id":1,"event":"__class__","data":{}}',
    b'{"id":1,"event":"connect","data":{"token":"x"}}',
    b'{"id":1,"event":"\\ud800","data":{}}',
]
# (what is sent, what the connection is closed with; None: by its being refused twenty times)
FRAMES: dict[str, tuple[bytes, int]] = {
    "invalid utf-8": (masked(b'{"id":1,"event":"\xff"}'), 1007),
    "a surrogate": (masked(b'{"id":1,"event":"\xed\xa0\x80"}'), 1007),
    "compressed": (masked(b"{}", reserved=0x40), 1002),
    "another reserved bit": (masked(b"{}", reserved=0x10), 1002),
    "unknown opcode": (masked(b"{}", 3), 1002),
    "nothing to continue": (masked(b"{}", CONTINUATION), 1002),
    "a long ping": (masked(b"p" * 126, PING), 1002),
    "a ping in pieces": (masked(b"p", PING, final=False), 1002),
    "not masked": (b"\x81\x02{}", 1002),
    "oversized": (masked(b"x" * (256 * 1024 + 1)), 1009),
    "oversized by its word": (b"\x81\xff" + b"\xff" * 8 + bytes(4), 1002),
    "fragment flood": (fragments(b"x" * 1000, 1), 1008),
    "binary": (masked(b"{}", BINARY), 1003),
    "half a close code": (masked(b"\x03", CLOSE), 1002),
    "nonsense, often": (masked(b"nonsense") * FAULTS_MAX, 4003),
    "enormous have": (
        masked(
            b'{"id":1,"event":"connect","data":{"token":"x","have":{%b}}}' % (b'"a":1,' * 40_000)
        ),
        4003,
    ),
}


class Chat:
    """Ana and Ben talk, over sockets, while Eve does what she does."""

    def __init__(self, ana: Socket, ben: Socket, group: ConversationId, port: int) -> None:
        self.port = port
        self._ana, self._ben, self._group = ana, ben, group
        self._said = 0

    async def goes_on(self) -> bool:
        """Whether the next thing that Ana says reaches Ben, whole and in its order."""
        self._said += 1
        text = f"word {self._said}"
        data = {"conversationId": self._group, "text": text, "clientId": new_id()}
        try:
            await self._ana.send("send_message", data)
            while (heard := await self._ben.read()).get("event") != "new_message":
                pass
            while (await self._ana.read()).get("event") != "new_message":
                pass
        except Exception:
            return False
        return bool(heard["data"]["text"] == text and heard["data"]["seq"] == self._said + 1)


@asynccontextmanager
async def chatting(gate: Gate, world: World) -> AsyncIterator[Chat]:
    listener = listen("127.0.0.1", 0, reuse_port=True)
    port = listener.getsockname()[1]
    group = await make_group(gate, world.ana, world.ben)
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve, gate, listener, limits=SocketLimits()))
        async with open_socket(port) as ana, open_socket(port) as ben:
            await ana.connect(world.ana)
            await ben.connect(world.ben)
            try:
                yield Chat(ana, ben, group, port)
            finally:
                # trio-websocket leaves the stream open when the server was the first to close.
                for socket in (ana, ben):
                    await trio.aclose_forcefully(socket._websocket._stream)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def eve_at(port: int, actor: Actor | None = None) -> AsyncIterator[Client]:
    """Her raw connection, signed in as `actor` if that is given."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        client = Client(stream)
        await client.send(
            HANDSHAKE.replace(b"Origin: http://loopync.example", b"Origin: http://localhost:8000")
        )
        assert (await client.head()).startswith(b"HTTP/1.1 101 ")
        if actor is not None:
            connect = {"id": 1, "event": "connect", "data": {"token": token_of(actor)}}
            await client.send(masked(msgspec.json.encode(connect)))
            await client.frame()
            await client.frame()
        yield client


async def closes_with(client: Client, poison: bytes) -> int:
    """The code that answers `poison`; 0 when nothing but an end does."""
    with trio.fail_after(20):
        await client.send(poison)
        while True:
            opcode, payload = await client.frame()
            if opcode == CLOSE:
                await client.send(goodbye())
                return int.from_bytes(payload[:2], "big")


@pytest.mark.parametrize("is_signed_in", [False, True])
async def test_each_poison_frame_ends_its_sender_and_ana_and_ben_talk_on(
    gate: Gate, world: World, is_signed_in: bool
) -> None:
    async with chatting(gate, world) as chat:
        for name, (poison, code) in FRAMES.items():
            async with eve_at(chat.port, world.eve if is_signed_in else None) as eve:
                if name == "enormous have":
                    poison *= FAULTS_MAX
                assert await closes_with(eve, poison) == code, name
            assert await chat.goes_on(), name


class Breaking(Echo):
    """What a poison frame would do if nobody had thought of it."""

    def message(self, connection: Connection, payload: bytes, opcode: int) -> None:
        if payload == b"nonsense":
            raise RuntimeError("what nobody thought of")
        super().message(connection, payload, opcode)


async def talks_on_beside_poison() -> bool:
    async with serving(Breaking()) as server:
        ana, eve = await server.connect(), await server.connect()
        async with ana.stream, eve.stream:
            await eve.send(masked(b"nonsense"))
            await eve.frame()
            await ana.send(masked(b"still here?"))
            return await ana.frame() == (TEXT, b"still here?")


async def test_without_a_guard_one_message_that_breaks_something_is_everybodys_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await talks_on_beside_poison()
    monkeypatch.setattr(Guard, "message", lambda guard, *each: guard._application.message(*each))
    with pytest.raises(ExceptionGroup) as raised:
        await talks_on_beside_poison()
    assert raised.group_contains(RuntimeError, match="what nobody thought of")


# ---- requests, without sockets: many


def mutated(rng: random.Random, whole: bytes) -> bytes:
    """Something near a request: cut, doubled, exchanged, stuffed."""
    at, to = sorted(rng.choices(range(len(whole) + 1), k=2))
    stuffing = rng.choice([b"", b"\\u0000", b"\\ud800", b"1e309", b"null", b"{", b'"', b"9" * 30])
    ways: list[Callable[[], bytes]] = [
        lambda: whole[:at] + whole[to:],
        lambda: whole[:to] + whole[at:],
        lambda: whole[:at] + stuffing + whole[to:],
        lambda: whole.replace(b":", rng.choice([b":[", b":-", b"::"]), 1),
    ]
    return rng.choice(ways)()


def requests(rng: random.Random, count: int) -> list[bytes]:
    bodies = [body for body in BODIES if len(body) < 5000]
    sound = [
        b'{"id":%d,"event":"%b","data":%b}'
        % (rng.randint(1, 10**9), rng.choice(list(COMMANDS)).encode(), rng.choice(bodies))
        for _ in range(count)
    ]
    return [*REQUESTS, *(mutated(rng, whole) if rng.random() < 0.7 else whole for whole in sound)]


async def fuzzed(process: Process, eve: Actor, poison: list[bytes]) -> int:
    """How many of the frames got exactly one answer, each, from a connection that is signed in."""
    answered = 0
    device = await process.connect(eve)
    for payload in poison:
        if not device.connection.open or len(device.said) > 1000:
            device.gone()
            device = await process.connect(eve)
        before = len(device.said)
        device.send_raw(payload)
        while device.connection.open and len(_replies(device, before)) < 1:
            with trio.fail_after(10):
                await device.connection.news.wait()
        answered += len(_replies(device, before)) == 1
    device.gone()
    return answered


def _replies(device: Device, before: int) -> list[object]:
    return [said for said in device.said[before:] if "id" in said]


async def neighbours(gate: Gate, process: Process, world: World) -> Callable[[], Awaitable[bool]]:
    group = await make_group(gate, world.ana, world.ben)
    ana, ben = await process.connect(world.ana), await process.connect(world.ben)

    async def talk() -> bool:
        text = str(new_id())
        data = {"conversationId": group, "text": text, "clientId": new_id()}
        reply = await ana.ask("send_message", data)
        return bool((await ben.push("new_message", text=text))["data"]["seq"] == reply["seq"])

    return talk


@pytest.mark.parametrize("seed", range(2))
async def test_every_poison_request_gets_one_answer_and_the_neighbours_talk_on(
    gate: Gate, process: Process, world: World, seed: int
) -> None:
    talk = await neighbours(gate, process, world)
    poison = requests(random.Random(seed), scale(300))
    for at in range(0, len(poison), 50):
        some = poison[at : at + 50]
        assert await fuzzed(process, world.eve, some) == len(some), f"seed {seed}, from {at} on"
        assert await talk()


async def test_where_poison_is_passed_over_in_silence_that_test_would_see_it(
    process: Process, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.wire.refusal_reply", lambda ids, refusal: b"")
    with pytest.raises(trio.TooSlowError), trio.fail_after(2):
        await fuzzed(process, world.eve, [b"nonsense"])
