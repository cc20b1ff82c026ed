"""The load generator as a process, against a server that makes the mistakes it is told to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio

from bench.load.orders import Cast, Outcome, Person, Step
from bench.servers import CHECKOUT
from realtime.connection import Connection
from realtime.disconnects import GOING_AWAY
from realtime.frames import frame
from realtime.listener import listen
from realtime.reactor import Reactor
from realtime.socket_limits import SocketLimits

PEOPLE = 4
MESSAGES = 40
PATIENCE_SECONDS = 60
ORIGIN = "http://loopync.example"


class Post:
    """Delivers messages between people 2k and 2k+1, each of whom signs in with their number.

    `deliver(number, say)` says how often, and when, the other hears of a message.
    """

    def __init__(self, deliver: Callable[[int, Callable[[], None]], None]) -> None:
        self._deliver = deliver
        self._connections: dict[int, Connection] = {}
        self._places: dict[Connection, int] = {}
        self._seqs: dict[int, int] = {}
        self.closes_at: int | None = None

    def opened(self, connection: Connection) -> None:
        pass

    def closed(self, connection: Connection) -> None:
        pass

    def message(self, connection: Connection, payload: bytes, opcode: int) -> None:
        asked = json.loads(payload)
        if asked["event"] == "connect":
            place = int(asked["data"]["token"])
            self._connections[place], self._places[connection] = connection, place
            self._say(connection, {"id": asked["id"], "event": "connected", "success": True})
            self._say(connection, {"event": "caught_up", "data": {"topics": {}}})
            return
        place = self._places[connection]
        number = int(asked["data"]["text"][:10])
        if number == self.closes_at:
            connection.close(GOING_AWAY)
            return
        push = {"id": "x", "conversationId": "y", "text": asked["data"]["text"]}
        self._push(place, push)
        self._deliver(number, lambda: self._push(place ^ 1, push))
        self._say(connection, {"id": asked["id"], "success": True, "data": {}})

    def _push(self, place: int, message: dict[str, Any]) -> None:
        seq = self._seqs[place] = self._seqs.get(place, 0) + 1
        data = {**message, "seq": seq}
        data = {key: data[key] for key in ("id", "conversationId", "seq", "text")}
        self._say(self._connections[place], {"event": "new_message", "seq": seq, "data": data})

    def _say(self, connection: Connection, message: dict[str, Any]) -> None:
        connection.push(frame(json.dumps(message, separators=(",", ":")).encode()))


@asynccontextmanager
async def served(post: Post) -> AsyncIterator[Cast]:
    listener = listen("127.0.0.1", 0, reuse_port=False)
    reactor = Reactor(post, limits=SocketLimits.wide(), allowed_origins=frozenset({ORIGIN}))
    async with trio.open_nursery() as nursery:
        await nursery.start(reactor.serve, listener)
        yield Cast(
            dialect="loopync",
            host="127.0.0.1",
            port=listener.getsockname()[1],
            origin=ORIGIN,
            people=[Person(token=str(place), conversation_id="c") for place in range(PEOPLE)],
        )
        nursery.cancel_scope.cancel()


async def generated(
    cast: Cast, *, drain_seconds: float = PATIENCE_SECONDS
) -> subprocess.CompletedProcess[bytes]:
    """One step of MESSAGES messages, all due long ago; the generator ends with its orders."""
    step = Step(1e6, begin_ns=0, lead_in_seconds=0, seconds=4e-5, drain_seconds=drain_seconds)
    assert round(step.rate * step.seconds) == MESSAGES
    orders = b"".join(msgspec.json.encode(order) + b"\n" for order in (cast, step))
    with trio.fail_after(PATIENCE_SECONDS):
        return await trio.run_process(
            [sys.executable, "-m", "bench.load"],
            cwd=CHECKOUT,
            stdin=orders,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )


def outcome_of(ended: subprocess.CompletedProcess[bytes]) -> Outcome:
    assert ended.returncode == 0, ended.stderr.decode()
    _ready, told = ended.stdout.splitlines()
    return msgspec.json.decode(told, type=Outcome)


async def test_it_counts_what_came_of_every_message() -> None:
    async with served(Post(lambda number, say: say())) as cast:
        outcome = outcome_of(await generated(cast))
    assert (outcome.sent, outcome.measured, outcome.acked_in_all) == (MESSAGES,) * 3
    assert (outcome.refused, outcome.stopped_early, outcome.faults) == (0, False, [])


async def test_times_count_from_when_a_message_was_due_and_not_from_when_it_was_sent() -> None:
    """Due since the machine was started: the generator is as late as that, and says so."""
    async with served(Post(lambda number, say: say())) as cast:
        outcome = outcome_of(await generated(cast))
    assert outcome.delivery.p50 >= outcome.lateness.p50 > 1_000


def lost(number: int, say: Callable[[], None]) -> None:
    if number != 17:
        say()


def twice(number: int, say: Callable[[], None]) -> None:
    say()
    if number == 17:
        say()


def kept_back() -> Callable[[int, Callable[[], None]], None]:
    kept: list[Callable[[], None]] = []

    def deliver(number: int, say: Callable[[], None]) -> None:
        if number == 17:
            kept.append(say)
            return
        say()
        if number == 17 + PEOPLE:
            kept.pop()()

    return deliver


@pytest.mark.fault
@pytest.mark.parametrize(
    ("deliver", "words"),
    [
        (lost, "the delivery of message 17 never came"),
        (twice, "the delivery of message 17 came twice"),
        (kept_back(), "the delivery of message 17 came behind that of a later one"),
    ],
    ids=["lost", "twice", "out of order"],
)
async def test_the_control_one_message_that_goes_wrong_is_noticed(
    deliver: Callable[[int, Callable[[], None]], None], words: str
) -> None:
    async with served(Post(deliver)) as cast:
        outcome = outcome_of(await generated(cast, drain_seconds=2))
    assert words in outcome.faults


async def test_when_it_loses_a_connection_it_says_why() -> None:
    post = Post(lambda number, say: say())
    post.closes_at = 20
    async with served(post) as cast:
        ended = await generated(cast)
    assert ended.returncode == 1
    assert ended.stderr == (
        b"the load generator stopped: the server closed a connection: 4000 going_away\n"
    )


async def test_when_nobody_listens_it_says_so() -> None:
    with listen("127.0.0.1", 0, reuse_port=False) as closed_soon:
        port = closed_soon.getsockname()[1]
    cast = Cast("loopync", "127.0.0.1", port, ORIGIN, [Person("0", "c"), Person("1", "c")])
    ended = await generated(cast)
    assert ended.returncode == 1
    assert b"Connection refused" in ended.stderr
    assert b"Traceback" not in ended.stderr
