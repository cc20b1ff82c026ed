"""How the server treats clients that do not read, and how it ends."""

import trio
import trio.testing

from http_api.exchange import Receive, Scope, Send
from http_api.server import (
    GRACE_SECONDS,
    SEND_SECONDS_MAX,
)
from tests.http_api.front.talking import ASK, hung_up, read_to_end, running, status_of


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        part = {"type": "http.response.body", "body": b" " * 65536, "more_body": True}
        await send(part)


async def sleeping(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/sleep":
        await trio.sleep(GRACE_SECONDS * 10)
    await trio.sleep(1)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_a_client_that_does_not_read_is_dropped(clock: trio.testing.MockClock) -> None:
    async with running(endless) as server, await server.connect() as stream:
        started_seconds = trio.current_time()
        await stream.send_all(ASK)
        await trio.sleep(SEND_SECONDS_MAX + 1)
        await hung_up(stream)
        assert trio.current_time() - started_seconds < SEND_SECONDS_MAX * 2


async def test_what_is_in_flight_ends_well_and_the_rest_ends(clock: trio.testing.MockClock) -> None:
    async with (
        running(sleeping) as server,
        await server.connect() as quick,
        await server.connect() as slow,
        await server.connect() as idle,
    ):
        await quick.send_all(ASK)
        await slow.send_all(ASK.replace(b"/health/live", b"/sleep"))
        await trio.sleep(0.5)
        ended_seconds = trio.current_time()
        server.ending.set()

        assert await read_to_end(idle) == b""
        assert trio.current_time() - ended_seconds < 0.1
        assert status_of(await read_to_end(quick)) == 204
        assert await read_to_end(slow) == b""
    assert trio.current_time() - ended_seconds < GRACE_SECONDS + 1


async def test_a_client_that_does_not_read_cannot_delay_the_end(
    clock: trio.testing.MockClock,
) -> None:
    async with running(endless) as server:
        stream = await server.connect()
        await stream.send_all(ASK)
        await trio.sleep(0.5)
        ended_seconds = trio.current_time()
        server.ending.set()
    assert trio.current_time() - ended_seconds < GRACE_SECONDS + 1
    await stream.aclose()


async def test_an_application_that_fails_harms_its_own_request_alone(
    clock: trio.testing.MockClock,
) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/fail":
            raise RuntimeError
        await sleeping(scope, receive, send)

    async with running(failing) as server:
        assert status_of(await server.answer(ASK.replace(b"/health/live", b"/fail"))) == 500
        assert status_of(await server.answer(ASK)) == 204
