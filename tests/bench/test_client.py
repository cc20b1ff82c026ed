"""The Python SDK against a server whose every word the test decides."""

import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from bench.client import Client, Disconnected, Push, RequestRefused, connect
from realtime.connection import Connection
from realtime.disconnects import BAD_TOKEN, SESSION_ENDED, SLOW_READER, Disconnect
from realtime.frames import frame
from realtime.reactor import Reactor, SocketLimits, listen

ORIGIN = "http://loopync.example"
CHAT = "conversation:1"


def worded(body: dict[str, Any]) -> bytes:
    return frame(json.dumps(body).encode())


class Desk:
    """Signs everybody in, and answers as `replies` says; without a reply it stays silent."""

    def __init__(self) -> None:
        self.sign_ins: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.replies: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {}
        self.refuse_with: Disconnect | None = None
        self.connection: Connection | None = None

    def opened(self, connection: Connection) -> None:
        self.connection = connection

    def closed(self, connection: Connection) -> None:
        pass

    def message(self, connection: Connection, payload: bytes, opcode: int) -> None:
        message = json.loads(payload)
        event, data = message["event"], message["data"]
        if event == "connect":
            self.sign_ins.append(data)
            if self.refuse_with is not None:
                if self.refuse_with is BAD_TOKEN:
                    error = {"code": "unauthenticated", "subject": "accessToken", "hint": ""}
                    refusal = {"success": False, "error": {**error, "retry": False}}
                    connection.push(worded({"id": message["id"], **refusal}))
                connection.close(self.refuse_with)
                return
            connected = {"socketId": "s", "userId": "ana", "sessionId": "s", "pingSeconds": 20}
            connection.push(
                worded({"id": message["id"], "event": event, "success": True, "data": connected})
            )
            self.push("caught_up", {"topics": data["have"]})
            return
        self.asked.append((event, data))
        answer = self.replies[event](data)
        if answer is not None:
            connection.push(worded({"id": message["id"], **answer}))

    def push(self, event: str, data: Any, **where: Any) -> None:
        assert self.connection is not None
        self.connection.push(worded({"event": event, "data": data, **where}))

    def drop(self, disconnect: Disconnect) -> None:
        assert self.connection is not None
        self.connection.close(disconnect)


@asynccontextmanager
async def served(desk: Desk) -> AsyncIterator[str]:
    listener = listen("127.0.0.1", 0, reuse_port=False)
    limits = SocketLimits(ping_seconds=100_000)
    reactor = Reactor(desk, limits=limits, allowed_origins=frozenset({ORIGIN}))
    async with trio.open_nursery() as nursery:
        await nursery.start(reactor.serve, listener)
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/ws"
        nursery.cancel_scope.cancel()


async def news(client: Client, count: int) -> list[tuple[str, int | None]]:
    """The next pushes that are no `caught_up`: (event, seq)."""
    found: list[Push] = []
    with trio.fail_after(1000):
        while len(found) < count:
            push = await client.events.receive()
            if push.event != "caught_up":
                found.append(push)
    return [(push.event, push.seq) for push in found]


async def test_a_request_is_answered_or_refused() -> None:
    desk = Desk()
    refusal = {"code": "too_many_requests", "subject": "person", "hint": "wait", "retry": True}
    desk.replies = {
        "get_me": lambda data: {"success": True, "data": {"name": "Ana"}},
        "typing": lambda data: {"success": False, "error": {**refusal, "retryAfter": 2.5}},
    }
    async with served(desk) as url, connect(url, "token", {CHAT: 7}, origin=ORIGIN) as client:
        await client.wait_caught_up()
        assert client.signed_in["userId"] == "ana"
        assert desk.sign_ins == [{"token": "token", "have": {CHAT: 7}}]
        assert await client.request("get_me", {}) == {"name": "Ana"}
        with pytest.raises(RequestRefused) as refused:
            await client.request("typing", {})
    assert (refused.value.code, refused.value.subject) == ("too_many_requests", "person")
    assert (refused.value.hint, refused.value.retry) == ("wait", True)
    assert refused.value.retry_after == 2.5


async def test_what_it_has_is_dropped_and_after_a_gap_it_comes_back() -> None:
    desk = Desk()
    async with served(desk) as url, connect(url, "token", {CHAT: 7}, origin=ORIGIN) as client:
        for seq in (7, 8, 8, 9):
            desk.push("new_message", {}, topic=CHAT, seq=seq)
        desk.push("typing", {})
        assert await news(client, 3) == [("new_message", 8), ("new_message", 9), ("typing", None)]
        desk.push("new_message", {}, topic=CHAT, seq=11)
        with trio.fail_after(10):
            while client.connected_count < 2:
                await trio.lowlevel.checkpoint()
        desk.push("new_message", {}, topic=CHAT, seq=10)
        assert await news(client, 1) == [("new_message", 10)]
    assert [sign_in["have"] for sign_in in desk.sign_ins] == [{CHAT: 7}, {CHAT: 9}]


async def test_it_learns_where_topics_begin_and_end() -> None:
    desk = Desk()
    async with served(desk) as url, connect(url, "token", {CHAT: 7}, origin=ORIGIN) as client:
        desk.push("conversation_added", {"conversation": {"id": "2"}, "fromSeq": 5})
        desk.push("resync", {"topic": "user:ana", "seq": 90})
        desk.push("conversation_removed", {"conversationId": "1"})
        await news(client, 3)
        assert client.have == {"conversation:2": 5, "user:ana": 90}


async def test_a_request_that_is_safe_to_repeat_survives_the_connection(
    autojump_clock: MockClock,
) -> None:
    desk = Desk()
    tries: list[str] = []

    def only_the_second_time(data: dict[str, Any]) -> dict[str, Any] | None:
        tries.append(data["clientId"])
        if len(tries) == 2:
            return {"success": True, "data": {"seq": 1}}
        desk.drop(SLOW_READER)
        return None

    desk.replies = {"send_message": only_the_second_time}
    async with served(desk) as url, connect(url, "token", origin=ORIGIN) as client:
        assert await client.request("send_message", {"clientId": "c1"}) == {"seq": 1}
    assert tries == ["c1", "c1"]


async def test_a_request_that_is_not_safe_to_repeat_fails_with_its_connection(
    autojump_clock: MockClock,
) -> None:
    desk = Desk()
    desk.replies = {"rename": lambda data: desk.drop(SLOW_READER)}
    async with served(desk) as url, connect(url, "token", origin=ORIGIN) as client:
        with pytest.raises(Disconnected) as lost:
            await client.request("rename", {})
        assert lost.value.code == 4001
        await trio.sleep(1)
        assert client.connected_count == 2
    assert len(desk.asked) == 1


async def test_told_to_stay_away_it_does(autojump_clock: MockClock) -> None:
    desk = Desk()
    async with served(desk) as url, connect(url, "token", origin=ORIGIN) as client:
        await client.wait_caught_up()
        desk.drop(SESSION_ENDED)
        assert [push.event async for push in client.events] == ["caught_up"]
        with pytest.raises(Disconnected, match="4500 session_ended"):
            await client.request("get_me", {})
        await trio.sleep(1000)
    assert len(desk.sign_ins) == 1


async def test_a_refused_token_is_replaced_when_there_is_another(
    autojump_clock: MockClock,
) -> None:
    desk = Desk()
    desk.refuse_with = BAD_TOKEN

    async def fresh_token() -> str:
        if desk.sign_ins:
            desk.refuse_with = None
        return f"token {len(desk.sign_ins)}"

    async with served(desk) as url:
        with pytest.raises(Disconnected, match="4005 bad_token"):
            async with connect(url, "stale", origin=ORIGIN):
                pass
        desk.sign_ins.clear()
        async with connect(url, fresh_token, origin=ORIGIN):
            pass
    assert [sign_in["token"] for sign_in in desk.sign_ins] == ["token 0", "token 1"]


async def test_a_foreign_origin_is_told_and_does_not_try_again() -> None:
    async with served(Desk()) as url:
        with pytest.raises(Disconnected, match="HTTP 403"):
            async with connect(url, "token", origin="http://eve.example"):
                pass


async def test_it_waits_longer_each_time_and_never_as_one_of_a_crowd(
    autojump_clock: MockClock,
) -> None:
    """Nobody listens there: 20 clients, each with its own chance."""
    with listen("127.0.0.1", 0, reuse_port=False) as closed_soon:
        port = closed_soon.getsockname()[1]
    clients = [
        Client(
            f"ws://127.0.0.1:{port}/ws",
            "token",
            {},
            origin=ORIGIN,
            events_max=1,
            chance=random.Random(seed),
        )
        for seed in range(20)
    ]
    with trio.move_on_after(200):
        async with trio.open_nursery() as nursery:
            for client in clients:
                nursery.start_soon(client.stay_connected)
    assert all(8 <= client.attempt <= 40 for client in clients)
    assert len({client.attempt for client in clients}) > 3


async def test_who_does_not_read_its_events_can_still_ask() -> None:
    desk = Desk()
    desk.replies = {"get_me": lambda data: {"success": True, "data": {}}}
    async with (
        served(desk) as url,
        connect(url, "token", origin=ORIGIN, events_max=3) as client,
    ):
        await wait_all_tasks_blocked()
        for seq in range(10):
            desk.push("new_message", {}, topic=CHAT, seq=seq)
        await client.request("get_me", {})
        assert client.dropped_count == 8
        assert client.have == {CHAT: 9}


async def test_cut_off_without_a_goodbye_it_comes_back_and_asks_again(
    autojump_clock: MockClock,
) -> None:
    desk = Desk()
    desk.replies = {"send_message": lambda data: None}

    async def ask(client: Client) -> None:
        assert await client.request("send_message", {"clientId": "c1"}) == {"seq": 1}

    async with (
        served(desk) as url,
        connect(url, "token", origin=ORIGIN) as client,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(ask, client)
        await wait_all_tasks_blocked()
        desk.replies = {"send_message": lambda data: {"success": True, "data": {"seq": 1}}}
        await client.cut()
    assert len(desk.asked) == 2
    assert client.connected_count == 2


async def test_a_server_that_dies_before_it_answers_the_handshake_is_not_waited_for(
    autojump_clock: MockClock,
) -> None:
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        calls = 0

        async def die(stream: trio.SocketStream) -> None:
            nonlocal calls
            calls += 1
            async with stream:
                await stream.receive_some(4096)

        nursery.start_soon(trio.serve_listeners, die, [listener])
        port = listener.socket.getsockname()[1]
        with trio.move_on_after(10):
            async with connect(f"ws://127.0.0.1:{port}/ws", "token", chance=random.Random(1)):
                raise AssertionError("nobody signed it in")
        nursery.cancel_scope.cancel()
    assert calls > 3, "it came back at once, and again"


async def test_a_ping_that_crosses_its_goodbye_hurts_nobody() -> None:
    desk = Desk()
    async with served(desk) as url, connect(url, "token", origin=ORIGIN) as client:
        await client.wait_caught_up()
        assert desk.connection is not None
        desk.connection.ping()
    assert desk.sign_ins == [{"token": "token", "have": {}}]
