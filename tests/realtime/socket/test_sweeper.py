"""What ends by the clock, on a clock of the test's own."""

import sys

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from realtime.disconnects import GOING_AWAY
from realtime.frames import CLOSE, PING, PONG, TEXT, frame
from realtime.reactor import SocketLimits
from tests.realtime.socket.wire import HANDSHAKE, Echo, masked, serving

LIMITS = SocketLimits(ping_seconds=20, handshake_seconds_max=10, close_seconds_max=5)
IDLE_CLOSE = (CLOSE, b"\x0f\xa4idle")


async def test_a_silent_client_is_pinged_and_reaped_within_two_intervals(
    autojump_clock: MockClock,
) -> None:
    room = Echo()
    async with serving(room, LIMITS) as server:
        eve = await server.connect()
        async with eve.stream:
            heard_at = trio.current_time()
            assert await eve.frame() == (PING, b"")
            assert trio.current_time() - heard_at <= 20
            assert await eve.frames() == [IDLE_CLOSE]
            assert 30 < trio.current_time() - heard_at <= 40
            assert room.closed_count == 1
            assert not server.reactor.connections


async def test_a_client_that_answers_pings_stays(autojump_clock: MockClock) -> None:
    async with serving(Echo(), LIMITS) as server:
        ana = await server.connect()
        async with ana.stream:
            for _ in range(20):
                assert await ana.frame() == (PING, b"")
                await ana.send(masked(b"", PONG))
            assert trio.current_time() > 300


async def test_a_client_that_speaks_is_not_pinged(autojump_clock: MockClock) -> None:
    async with serving(Echo(), LIMITS) as server:
        ana = await server.connect()
        async with ana.stream:
            for _ in range(20):
                await trio.sleep(15)
                await ana.send(masked(b"Hi"))
                assert await ana.frame() == (TEXT, b"Hi")


async def test_after_standing_still_itself_the_server_blames_nobody(mock_clock: MockClock) -> None:
    room = Echo()
    async with serving(room, LIMITS) as server:
        ana = await server.connect()
        async with ana.stream:
            await wait_all_tasks_blocked()
            mock_clock.jump(3600)
            await wait_all_tasks_blocked()
            assert room.connections[0].open


async def test_a_handshake_byte_by_byte_is_cut_off(autojump_clock: MockClock) -> None:
    async with serving(Echo(), LIMITS) as server:
        eve = await server.call()
        async with eve.stream, trio.open_nursery() as nursery:

            async def drip() -> None:
                for byte in HANDSHAKE:
                    await eve.send(bytes((byte,)))
                    await trio.sleep(1)

            nursery.start_soon(drip)
            assert (await eve.rest()).startswith(b"HTTP/1.1 408 ")
            assert 10 <= trio.current_time() <= 12
            nursery.cancel_scope.cancel()
        assert not server.reactor.handshaking


async def test_of_too_many_half_done_handshakes_the_oldest_goes() -> None:
    async with serving(Echo(), SocketLimits(handshakes_max=2)) as server:
        oldest, *others = [await server.call() for _ in range(3)]
        assert await oldest.rest() == b""
        assert len(server.reactor.handshaking) == 2
        ana = await server.connect()
        for client in (oldest, ana, *others):
            await client.stream.aclose()


async def test_a_client_that_never_says_goodbye_is_waited_for_a_while(
    autojump_clock: MockClock,
) -> None:
    room = Echo()
    async with serving(room, LIMITS) as server:
        eve = await server.connect()
        async with eve.stream:
            await wait_all_tasks_blocked()
            room.connections[0].close(GOING_AWAY)
            assert await eve.frames() == [(CLOSE, b"\x0f\xa0going_away")]
            assert 5 <= trio.current_time() <= 7
            assert not server.reactor.connections


async def read_so_late(limits: SocketLimits) -> tuple[Echo, float]:
    """Eve leaves little unread, far below the cap in bytes, but for long."""
    room = Echo()
    async with serving(room, limits) as server:
        eve = await server.connect()
        async with eve.stream:
            await wait_all_tasks_blocked()
            (connection,) = room.connections
            while not connection.queue_bytes:
                connection.push(frame(b"n" * 10_000))
                await wait_all_tasks_blocked()
            blocked_at = trio.current_time()
            for _ in range(100):
                if connection.open:
                    await trio.sleep(1)
            return room, trio.current_time() - blocked_at


async def test_what_has_waited_too_long_closes_the_connection(autojump_clock: MockClock) -> None:
    room, waited_seconds = await read_so_late(SocketLimits(queue_seconds_max=20, ping_seconds=1000))
    assert room.closed_count == 1
    assert 20 <= waited_seconds <= 23


async def test_without_that_limit_it_would_wait_on(autojump_clock: MockClock) -> None:
    _room, waited_seconds = await read_so_late(
        SocketLimits(queue_seconds_max=sys.maxsize, ping_seconds=1000)
    )
    assert waited_seconds >= 100
