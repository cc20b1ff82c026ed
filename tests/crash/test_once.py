"""The real program, with two realtime processes: what is said twice, out of order, or to nobody."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trio

from bench.client import Client, connect
from storage.actor import Actor
from storage.database import open_database
from tests.crash import http
from tests.crash.planted import PING_SECONDS
from tests.crash.product import Product, running_product, token_of
from tests.realtime.socket.wire import masked
from tests.world import make_friends, person

pytestmark = pytest.mark.fault

DEVICES = 6
"""So many that it would be strange if all were with one process."""
PATIENCE_SECONDS = 60.0
REAPED_SECONDS_MAX = 20.0
"""Two intervals of PING_SECONDS, Ana's two seconds of grace, and a busy machine."""


@asynccontextmanager
async def people(product: Product) -> AsyncIterator[tuple[Actor, Actor]]:
    async with (
        open_database(product.database_url, connections_max=1) as database,
        database.transaction() as tx,
    ):
        ana, ben = await person(tx, "Ana"), await person(tx, "Ben")
        await make_friends(tx, ana, ben)
    with trio.fail_after(PATIENCE_SECONDS):
        yield ana, ben


def device(product: Product, owner: Actor) -> Any:
    return connect(product.socket_url, token_of(owner), origin=product.origin)


async def answers_of(*tries: Any) -> list[Any]:
    """Of all at once."""
    answers: list[Any] = []

    async def ask(one: Any) -> None:
        answers.append(await one())

    async with trio.open_nursery() as nursery:
        for one in tries:
            nursery.start_soon(ask, one)
    return answers


async def test_a_message_sent_through_every_socket_and_door_at_once_is_one_message(
    tmp_path: Path,
) -> None:
    async with (
        running_product(tmp_path / "data") as product,
        people(product) as (ana, ben),
        device(product, ben) as bens,
        AsyncExitStack() as stack,
    ):
        devices = [await stack.enter_async_context(device(product, ana)) for _ in range(DEVICES)]
        for number in range(10):
            text = f"hello {number}"
            command = {"to": str(ben.user_id), "text": text, "clientId": str(uuid4())}
            over_http = partial(
                http.request, product.http_port, "POST", "/messages", command, token=token_of(ana)
            )
            sockets = [partial(one.request, "send_message", command) for one in devices]
            answers = await answers_of(*sockets, *sockets, over_http, over_http)
            assert len(answers) == 2 * DEVICES + 2
            assert all(answer == answers[0] for answer in answers), answers
            assert answers[0]["seq"] == number + 1
        assert await texts(bens, 10) == [f"hello {number}" for number in range(10)]


async def texts(client: Client, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        push = await client.events.receive()
        if push.event == "new_message":
            found.append(push.data["text"])
    return found


ASKED = (9, 3, 8, 2, 10, 1)


async def read_seqs(product: Product) -> list[int]:
    """Ben's devices say one after the other that they have read as far as ASKED, and at last a
    request over HTTP that he has read 4. What each was answered."""
    async with (
        people(product) as (ana, ben),
        device(product, ana) as anas,
        AsyncExitStack() as stack,
    ):
        devices = [await stack.enter_async_context(device(product, ben)) for _ in ASKED]
        for number in range(max(ASKED)):
            command = {"to": str(ben.user_id), "text": f"{number}", "clientId": str(uuid4())}
            place = (await anas.request("send_message", command))["conversationId"]
        answers = [
            await client.request("mark_read", {"conversationId": place, "seq": seq})
            for client, seq in zip(devices, ASKED, strict=True)
        ]
        path, body = f"/conversations/{place}/read", {"seq": 4}
        answers.append(
            await http.request(product.http_port, "PUT", path, body, token=token_of(ben))
        )
        return [answer["readSeq"] for answer in answers]


async def test_however_late_a_device_says_what_was_read_the_mark_goes_only_forward(
    tmp_path: Path,
) -> None:
    async with running_product(tmp_path / "data") as product:
        assert await read_seqs(product) == [9, 9, 9, 9, 10, 10, 10]


async def test_where_the_last_word_wins_a_mark_goes_back(tmp_path: Path) -> None:
    async with running_product(tmp_path / "data", planted="marks_go_back") as product:
        assert await read_seqs(product) == [*ASKED, 4]


async def bens_end(product: Product) -> tuple[float, bytes] | None:
    """Ben connects, and from then on takes nothing and says nothing, as behind a dead link.

    After how many seconds Ana sees him offline, and what was sent to him last; None if she does
    not. She herself answers pings, and so stays.
    """
    async with people(product) as (ana, ben), device(product, ana) as anas:
        await anas.request("watch_presence", {"userIds": [str(ben.user_id)]})
        async with await trio.open_tcp_stream("127.0.0.1", product.ws_port) as stream:
            await stream.send_all(handshake(product))
            sign_in = {"id": 1, "event": "connect", "data": {"token": token_of(ben), "have": {}}}
            await stream.send_all(masked(json.dumps(sign_in).encode()))
            began = trio.current_time()
            with trio.move_on_after(REAPED_SECONDS_MAX):
                await presence(anas, "online")
                await presence(anas, "offline")
                seconds = trio.current_time() - began
                assert anas.connected_count == 1
                return seconds, await rest(stream)
    return None


def handshake(product: Product) -> bytes:
    return (
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{product.ws_port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Sec-WebSocket-Version: 13\r\nOrigin: {product.origin}\r\n\r\n"
    ).encode()


async def presence(client: Client, state: str) -> None:
    while True:
        push = await client.events.receive()
        if push.event == "presence" and push.data["state"] == state:
            return


async def rest(stream: trio.SocketStream) -> bytes:
    received = b""
    while data := await stream.receive_some(4096):
        received += data
    return received


async def test_ben_behind_a_dead_link_is_let_go_and_seen_offline(tmp_path: Path) -> None:
    async with running_product(tmp_path / "data", planted="quick_pings") as product:
        end = await bens_end(product)
    assert end is not None
    seconds, last = end
    assert seconds > PING_SECONDS, "he was asked first"
    assert last.endswith(b"\x0f\xa4idle"), "4004: come back"


async def test_if_nobody_asked_whether_he_is_there_he_would_stay_online(tmp_path: Path) -> None:
    async with running_product(tmp_path / "data", planted="no_pings") as product:
        assert await bens_end(product) is None
