"""The real server on a real port: what is said to it badly, slowly, or without end."""

import pytest
import trio
import trio.testing

import http_api.server
from http_api.app import App
from http_api.exchange import BODY_BYTES_MAX, BODY_SECONDS_MAX, Receive
from http_api.server import (
    HEADER_BYTES_MAX,
    IDLE_SECONDS_MAX,
)
from storage.settings import Settings
from tests.http_api.conftest import token_of
from tests.http_api.front.talking import (
    ASK,
    error_of,
    hung_up,
    read_answer,
    read_to_end,
    running,
    status_of,
)
from tests.world import World


async def test_one_connection_carries_many_requests(app: App) -> None:
    async with running(app) as server, await server.connect() as stream:
        for _ in range(3):
            await stream.send_all(ASK)
            assert status_of(await read_answer(stream)) == 200


async def test_requests_sent_ahead_are_answered_in_order(app: App) -> None:
    async with running(app) as server, await server.connect() as stream:
        await stream.send_all(ASK + ASK.replace(b"live", b"nope"))
        await stream.send_eof()
        answers = await read_to_end(stream)

    assert answers.index(b"HTTP/1.1 200") < answers.index(b"HTTP/1.1 404")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n bad: folded\x00\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_what_is_not_http_gets_the_envelope(app: App, request_bytes: bytes) -> None:
    async with running(app) as server:
        answer = await server.answer(request_bytes)

        assert status_of(answer) == 400
        assert error_of(answer)["code"] == "invalid_input"
        assert b"x-request-id: " in answer
        assert status_of(await server.answer(ASK)) == 200


async def test_a_body_with_two_ends_is_refused_and_what_lies_behind_it_is_not_read(
    app: App,
) -> None:
    """A proxy in front that believes the other end would take the rest for somebody else's."""
    two_ends = (
        b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 6\r\n"
        b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    async with running(app) as server, await server.connect() as stream:
        await stream.send_all(two_ends + ASK)
        answers = await read_to_end(stream)

    assert status_of(answers) == 400
    assert answers.count(b"x-request-id: ") == 1


async def test_headers_that_are_too_large_are_refused(app: App) -> None:
    async with running(app) as server:
        answer = await server.answer(ASK[:-2] + b"x: " + b"a" * HEADER_BYTES_MAX)

    assert status_of(answer) == 431
    assert error_of(answer)["code"] == "payload_too_large"


async def test_an_upgrade_is_not_taken(app: App) -> None:
    for wanted in (b"websocket", b"h2c"):
        async with running(app) as server:
            headers = b"connection: upgrade\r\nupgrade: %b\r\n\r\n" % wanted
            assert status_of(await server.answer(ASK[:-2] + headers)) == 200


@pytest.mark.parametrize("begun", [b"", b"GET /health/li", ASK[:-2]])
async def test_half_a_request_is_not_waited_for(
    app: App, clock: trio.testing.MockClock, begun: bytes
) -> None:
    async with running(app) as server, await server.connect() as stream:
        started_seconds = trio.current_time()
        await stream.send_all(begun) if begun else None
        assert await read_to_end(stream) == b""

    assert trio.current_time() - started_seconds <= IDLE_SECONDS_MAX + 1


async def test_headers_that_drip_are_not_waited_for(
    app: App, clock: trio.testing.MockClock
) -> None:
    async with running(app) as server, await server.connect() as stream:
        started_seconds = trio.current_time()
        with pytest.raises(trio.BrokenResourceError):
            await drip(stream, ASK[:-1] * 10)
    assert trio.current_time() - started_seconds <= IDLE_SECONDS_MAX + 3


async def drip(stream: trio.SocketStream, data: bytes) -> None:
    for byte in data:
        await stream.send_all(bytes([byte]))
        await trio.sleep(1)


async def test_a_body_that_drips_is_not_waited_for(
    app: App, settings: Settings, world: World, clock: trio.testing.MockClock
) -> None:
    head = post(settings, world, b"content-length: 100")
    async with running(app) as server, await server.connect() as stream:
        started_seconds = trio.current_time()
        await stream.send_all(head + b"{")
        answer = await read_answer(stream)

    assert status_of(answer) == 400
    assert error_of(answer)["subject"] == "body"
    assert trio.current_time() - started_seconds <= BODY_SECONDS_MAX + 1


def post(settings: Settings, world: World, header: bytes) -> bytes:
    token = token_of(settings, world.ana).encode()
    return (
        b"POST /api/v1/pages/019a5a3c-7f00-7000-8000-000000000b01/notes HTTP/1.1\r\n"
        b"host: 127.0.0.1\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %b\r\n%b\r\n\r\n" % (token, header)
    )


@pytest.mark.parametrize("chunk", [b"Z\r\nhello\r\n", b"5\r\nhelloo\r\n", b"f" * 30 + b"\r\n"])
async def test_a_broken_chunk_is_malformed(
    app: App, settings: Settings, world: World, chunk: bytes
) -> None:
    async with running(app) as server:
        answer = await server.answer(post(settings, world, b"transfer-encoding: chunked") + chunk)

    assert status_of(answer) == 400
    assert error_of(answer)["code"] == "invalid_input"


@pytest.mark.parametrize("part", [b"400\r\n" + b" " * 1024 + b"\r\n", b"1\r\n \r\n"])
async def test_a_body_without_end_is_cut_off(
    app: App, settings: Settings, world: World, part: bytes
) -> None:
    """However small its parts: what is unread when the answer goes out must not block it."""
    async with running(app) as server, await server.connect() as stream:
        with trio.fail_after(10):
            await stream.send_all(post(settings, world, b"transfer-encoding: chunked"))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_for_ever, stream, part * 64)
                answer = await read_answer(stream)
                nursery.cancel_scope.cancel()
            await hung_up(stream)

    assert status_of(answer) == 413


async def send_for_ever(stream: trio.SocketStream, data: bytes) -> None:
    try:
        while True:
            await stream.send_all(data)
    except trio.BrokenResourceError:
        pass


async def test_a_large_body_is_refused_by_its_announcement(
    app: App, settings: Settings, world: World
) -> None:
    head = post(settings, world, b"content-length: %d" % (BODY_BYTES_MAX + 1))
    async with running(app) as server:
        assert status_of(await server.answer(head)) == 413


async def test_a_client_that_leaves_in_the_middle_harms_nobody(
    app: App, settings: Settings, world: World
) -> None:
    async with running(app) as server:
        async with await server.connect() as stream:
            await stream.send_all(post(settings, world, b"content-length: 100") + b"{")
        assert status_of(await server.answer(ASK)) == 200


async def test_without_throwing_the_rest_away_a_body_would_block_its_connection(
    app: App,
    settings: Settings,
    world: World,
    clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control of the endless body: the server below us waits for ever by itself."""

    async def keep(receive: Receive) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(http_api.server, "_discard", keep)
    async with running(app) as server, await server.connect() as stream:
        await stream.send_all(post(settings, world, b"transfer-encoding: chunked"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_for_ever, stream, b"1\r\n \r\n" * 64)
            assert status_of(await read_answer(stream)) == 413
            nursery.cancel_scope.cancel()
        with trio.move_on_after(IDLE_SECONDS_MAX * 3) as patience:
            await hung_up(stream)

    assert patience.cancelled_caught
