"""Who is let in, and what the others are told."""

import re
import time

import pytest
import trio

from realtime.handshake import Accepted, Refused, answer
from realtime.socket_limits import SocketLimits
from tests.realtime.socket.wire import HANDSHAKE, Echo, goodbye, masked, serving

HOME = "http://loopync.example"
ORIGINS = frozenset({HOME})


def ask(head: bytes = HANDSHAKE, *, headers_max: int = 64) -> Accepted | Refused:
    return answer(head.removesuffix(b"\r\n\r\n"), headers_max=headers_max, allowed_origins=ORIGINS)


def status(head: bytes) -> int:
    found = ask(head)
    return 101 if isinstance(found, Accepted) else found.status.value


def changed(old: bytes, new: bytes) -> bytes:
    assert old in HANDSHAKE
    return HANDSHAKE.replace(old, new)


def test_a_browser_is_let_in() -> None:
    accepted = ask()
    assert isinstance(accepted, Accepted)
    assert accepted.user_agent == "Ana's phone"
    assert accepted.response == (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Upgrade: websocket", b"upgrade: WebSocket"),
        (b"Connection: Upgrade", b"Connection: keep-alive, upgrade"),
        (b"Connection: Upgrade", b"Connection: keep-alive\r\nConnection: Upgrade"),
        (b"Host: loopync.example", b"HOST:loopync.example \t"),
        (b"/ws ", b"/ws?anything=at&all "),
        (b"13\r\n", b"13\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"),
        (b"13\r\n", b"13\r\nCookie: name=\xc3\xa4\r\n"),
    ],
)
def test_other_spellings_are_let_in_too(old: bytes, new: bytes) -> None:
    assert status(changed(old, new)) == 101


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"Origin: http://loopync.example\r\n", b"", 403),
        (b"http://loopync.example", b"null", 403),
        (b"http://loopync.example", b"http://eve.example", 403),
        (b"http://loopync.example", b"http://loopync.example.eve.example", 403),
        (b"http://loopync.example", b"https://loopync.example", 403),
        (b"http://loopync.example", b"http://loopync.example:81", 403),
        (b"http://loopync.example", b"http://loopync.example\r\nOrigin: http://eve.example", 400),
        (b"GET ", b"POST ", 405),
        (b"GET ", b"HEAD ", 405),
        (b"/ws ", b"/ ", 404),
        (b"/ws ", b"/ws/ ", 404),
        (b"/ws ", b"/WS ", 404),
        (b"HTTP/1.1", b"HTTP/1.0", 505),
        (b"HTTP/1.1", b"HTTP/2.0", 505),
        (b"HTTP/1.1", b"http/1.1", 400),
        (b"GET ", b"GET  ", 400),
        (b"/ws ", b"/w\x00s ", 400),
        (b"GET ", b"\xff\xfe ", 400),
        (b"13\r\n", b"8\r\n", 426),
        (b"Sec-WebSocket-Version: 13\r\n", b"", 426),
        (b"Upgrade: websocket\r\n", b"", 426),
        (b"Upgrade: websocket", b"Upgrade: h2c", 426),
        (b"Connection: Upgrade", b"Connection: close", 400),
        (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b"", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBsZSBub25jZ", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"c2hvcnQ=", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhl\xff", 400),
        (b"Host: loopync.example\r\n", b"", 400),
        (b"Host: loopync.example", b"Host: a\r\nHost: b", 400),
        (b"Host: loopync.example", b"Host : loopync.example", 400),
        (b"Host: loopync.example", b"Host: a\r\n folded", 400),
        (b"Host: loopync.example", b"Host: a\nInjected: b", 400),
        (b"Host: loopync.example", b"Host: a\x00", 400),
        (b"13\r\n", b"13\r\nNo colon\r\n", 400),
        (b"13\r\n", b"13\r\nContent-Length: 5\r\n", 400),
        (b"13\r\n", b"13\r\nTransfer-Encoding: chunked\r\n", 400),
    ],
)
def test_whoever_asks_wrongly_is_told_what_was_wrong(old: bytes, new: bytes, expected: int) -> None:
    assert status(changed(old, new)) == expected


def test_a_client_of_another_version_learns_ours() -> None:
    refused = ask(changed(b"13\r\n", b"8\r\n"))
    assert isinstance(refused, Refused)
    assert b"\r\nSec-WebSocket-Version: 13\r\n" in refused.response


def test_too_many_headers_are_refused() -> None:
    count = HANDSHAKE.count(b"\r\n") - 2
    assert isinstance(ask(headers_max=count), Accepted)
    refused = ask(headers_max=count - 1)
    assert isinstance(refused, Refused)
    assert refused.status == 431


async def test_a_refusal_is_a_whole_http_response() -> None:
    async with serving(Echo(), allowed_origins=ORIGINS) as server:
        client = await server.call()
        async with client.stream:
            await client.send(changed(HOME.encode(), b"http://eve.example") + b"and more")
            with trio.fail_after(5):
                head, body = (await client.rest()).split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert f"Content-Length: {len(body)}".encode() in head


async def test_the_supervisor_may_ask_whether_it_is_alive() -> None:
    async with serving(Echo(), allowed_origins=ORIGINS) as server:
        client = await server.call()
        async with client.stream:
            await client.send(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await client.rest()).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_handshake_may_come_in_pieces_and_with_its_first_message(size: int) -> None:
    data = HANDSHAKE + masked(b"Hello")
    async with serving(Echo(), allowed_origins=ORIGINS) as server:
        client = await server.call()
        async with client.stream:
            for at in range(0, len(data), size):
                await client.send(data[at : at + size])
            assert (await client.head()).startswith(b"HTTP/1.1 101 ")
            assert await client.frame() == (1, b"Hello")
            await client.send(goodbye())
            assert await client.frames() == [(8, b"\x03\xe8")]


@pytest.mark.parametrize("ending", [b"", b"\r\n\r\n"])
async def test_a_head_that_is_too_large_is_refused_before_its_end(ending: bytes) -> None:
    limits = SocketLimits(handshake_bytes_max=1000)
    async with serving(Echo(), limits) as server:
        client = await server.call()
        async with client.stream:
            await client.send(b"GET /ws HTTP/1.1\r\nCookie: " + b"*" * 1000 + ending)
            with trio.fail_after(5):
                assert (await client.rest()).startswith(b"HTTP/1.1 431 ")


async def test_when_the_server_is_full_others_are_asked_to_wait() -> None:
    async with serving(Echo(), SocketLimits(connections_max=1)) as server:
        ana = await server.connect()
        ben = await server.call()
        async with ana.stream, ben.stream:
            answer = await ben.rest()
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert re.search(rb"\r\nRetry-After: \d+\r\n", answer)
            await ana.send(masked(b"still here"))
            assert await ana.frame() == (1, b"still here")


def test_a_head_made_to_be_slow_takes_no_longer_than_another() -> None:
    """Counted in steps of the machine by the regex's own growth: twice the head, twice the time."""

    def seconds(spaces: int) -> float:
        head = b"GET /ws HTTP/1.1\r\nHost: a\r\nX:" + b" " * spaces + b"\x01"
        began = time.process_time()
        for _ in range(20):
            ask(head)
        return time.process_time() - began

    assert seconds(8_000) < 20 * seconds(1_000) + 0.05, "quadratic would be 64 times"


@pytest.mark.parametrize(
    ("host", "origin", "let_in"),
    [
        ("192.168.1.5:8001", "http://192.168.1.5:8000", True),
        ("[fd00::5]:8001", "http://[fd00::5]:8000", True),
        ("192.168.1.5:8001", "http://192.168.1.6:8000", False),
        ("192.168.1.5:8001", "http://192.168.1.5:9000", False),
        ("rebound.example:8001", "http://rebound.example:8000", False),
    ],
)
def test_a_page_of_the_same_address_is_let_in_where_all_addresses_are_listened_on(
    host: str, origin: str, *, let_in: bool
) -> None:
    head = HANDSHAKE.replace(b"Host: loopync.example", b"Host: " + host.encode())
    head = head.replace(HOME.encode(), origin.encode()).removesuffix(b"\r\n\r\n")
    found = answer(head, headers_max=64, allowed_origins=ORIGINS, address_port=8000)
    assert isinstance(found, Accepted) == let_in
    strict = answer(head, headers_max=64, allowed_origins=ORIGINS)
    assert isinstance(strict, Refused)
