"""One client's trouble stays its own."""

import errno
import socket
import sys
from collections.abc import Callable

import pytest
import structlog
import trio
from trio.testing import wait_all_tasks_blocked

from realtime.connection import Connection
from realtime.disconnects import GOING_AWAY, SESSION_ENDED
from realtime.frames import CLOSE, PING, PONG, TEXT, frame
from realtime.reactor import Reactor, SocketLimits, listen
from tests.realtime.socket.wire import (
    Client,
    Echo,
    Server,
    eventually,
    fragments,
    goodbye,
    masked,
    serving,
)

PATIENCE_SECONDS = 20


class Scripted(Echo):
    """Echoes, but for the words that a test gives a meaning to."""

    def __init__(self, script: dict[bytes, Callable[[Connection], None]]) -> None:
        super().__init__()
        self.heard: list[bytes] = []
        self._script = script

    def message(self, connection: Connection, payload: bytes, opcode: int) -> None:
        self.heard.append(payload)
        if payload in self._script:
            self._script[payload](connection)
        else:
            super().message(connection, payload, opcode)


async def still_serves(client: Client) -> bool:
    await client.send(masked(b"still here?"))
    with trio.fail_after(PATIENCE_SECONDS):
        return await client.frame() == (TEXT, b"still here?")


# A slow reader.


async def peak_queue_bytes(limits: SocketLimits, sent_bytes: int) -> tuple[int, Echo]:
    """Eve never reads while Ana and Ben read all that everybody is sent."""
    room = Echo()
    news = frame(b"n" * 10_000)
    peak_bytes = 0
    async with serving(room, limits) as server:
        ana, ben, eve = [await server.connect() for _ in range(3)]
        async with ana.stream, ben.stream, eve.stream:
            await wait_all_tasks_blocked()
            for _ in range(sent_bytes // len(news)):
                for connection in room.connections:
                    connection.push(news)
                for reader in (ana, ben):
                    with trio.fail_after(PATIENCE_SECONDS):
                        assert await reader.frame() == (TEXT, b"n" * 10_000)
                peak_bytes = max(peak_bytes, *(c.queue_bytes for c in room.connections))
            assert await still_serves(ana)
    return peak_bytes, room


KERNEL_BYTES_MAX = 16 << 20
"""More than the kernel takes in for one connection that nobody reads."""


async def test_who_does_not_read_is_dropped_at_the_cap_and_the_others_get_everything() -> None:
    limits = SocketLimits(queue_bytes_max=200_000)
    peak_bytes, room = await peak_queue_bytes(limits, KERNEL_BYTES_MAX)
    assert [connection.open for connection in room.connections].count(False) == 3
    assert peak_bytes <= limits.queue_bytes_max + 10_004


async def test_without_a_cap_that_test_would_see_memory_grow() -> None:
    peak_bytes, _room = await peak_queue_bytes(
        SocketLimits(queue_bytes_max=sys.maxsize), KERNEL_BYTES_MAX
    )
    assert peak_bytes > 2_000_000


async def test_a_slow_reader_learns_why_it_was_dropped_and_that_it_may_come_back() -> None:
    room = Echo()
    async with serving(room, SocketLimits(queue_bytes_max=100_000)) as server:
        eve = await server.connect()
        async with eve.stream:
            await wait_all_tasks_blocked()
            (connection,) = room.connections
            while connection.open:
                connection.push(frame(b"n" * 10_000))
                await trio.lowlevel.checkpoint()
            assert connection.queue_bytes < 100_000
            await wait_all_tasks_blocked()
            assert room.closed_count == 1
            await eve.send(goodbye(4001))
            with trio.fail_after(PATIENCE_SECONDS):
                *news, close = await eve.frames()
    assert set(news) == {(TEXT, b"n" * 10_000)}
    assert close == (CLOSE, (4001).to_bytes(2, "big") + b"slow_reader")


async def test_a_million_tiny_frames_cost_their_bytes_and_not_a_million_objects() -> None:
    room = Echo()
    async with serving(room, SocketLimits(queue_bytes_max=sys.maxsize)) as server:
        eve = await server.connect()
        async with eve.stream:
            await wait_all_tasks_blocked()
            (connection,) = room.connections
            while not connection.queue_bytes:
                connection.push(frame(b"n" * 100_000))
                await trio.lowlevel.checkpoint()
                await trio.lowlevel.checkpoint()
            before_blocks = sys.getallocatedblocks()
            for _ in range(100_000):
                connection.push(frame(b""))
            assert sys.getallocatedblocks() - before_blocks < 1000
            assert connection.open


# Frames and messages that break something.


async def test_a_poison_frame_closes_only_its_sender() -> None:
    room = Echo()
    async with serving(room) as server:
        ana, eve = await server.connect(), await server.connect()
        async with ana.stream, eve.stream:
            await eve.send(b"\x83\x80" + bytes(4))
            with trio.fail_after(PATIENCE_SECONDS):
                assert await eve.frames() == [(CLOSE, b"\x03\xeaunknown_opcode")]
            assert await still_serves(ana)
    assert room.closed_count == 2


async def test_a_flood_of_fragments_closes_only_its_sender() -> None:
    async with serving(Echo()) as server:
        ana, eve = await server.connect(), await server.connect()
        async with ana.stream, eve.stream:
            await eve.send(fragments(b"*" * 1000, 1))
            with trio.fail_after(PATIENCE_SECONDS):
                assert await eve.frames() == [(CLOSE, b"\x03\xf0too_many_fragments")]
            assert await still_serves(ana)


async def test_a_message_that_breaks_the_application_closes_only_its_sender() -> None:
    def fail(connection: Connection) -> None:
        raise RuntimeError("what nobody thought of")

    room = Scripted({b"poison": fail})
    with structlog.testing.capture_logs() as logs:
        async with serving(room) as server:
            ana, eve = await server.connect(), await server.connect()
            async with ana.stream, eve.stream:
                await eve.send(masked(b"poison") + masked(b"never heard") + goodbye(1011))
                with trio.fail_after(PATIENCE_SECONDS):
                    assert await eve.frames() == [(CLOSE, b"\x03\xf3internal_error")]
                assert await still_serves(ana)
    assert room.heard == [b"poison", b"still here?"]
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["message_failed"]


async def test_a_failing_hello_or_goodbye_of_the_application_ends_nothing_else() -> None:
    class Clumsy(Echo):
        def opened(self, connection: Connection) -> None:
            super().opened(connection)
            if len(self.connections) == 1:
                raise RuntimeError("hello")

        def closed(self, connection: Connection) -> None:
            super().closed(connection)
            raise RuntimeError("goodbye")

    room = Clumsy()
    with structlog.testing.capture_logs() as logs:
        async with serving(room) as server:
            eve, ana = await server.connect(), await server.connect()
            async with ana.stream, eve.stream:
                await eve.send(goodbye(1011))
                with trio.fail_after(PATIENCE_SECONDS):
                    assert await eve.frames() == [(CLOSE, b"\x03\xf3internal_error")]
                assert await still_serves(ana)
    assert room.closed_count == 2
    failed = [log["event"] for log in logs if log["log_level"] == "error"]
    assert failed == ["opened_failed", "closed_failed", "closed_failed"]


# Who comes and goes.


async def test_the_application_hears_of_each_end_once_and_never_inside_its_own_calls() -> None:
    room = Echo()

    def dismiss_all(_by: Connection) -> None:
        for connection in room.connections:
            connection.close(SESSION_ENDED)
            connection.close(GOING_AWAY)
            connection.push(frame(b"too late"))
            assert not connection.open
            assert scripted.closed_count == 0

    scripted = Scripted({b"dismiss": dismiss_all})
    room.connections = scripted.connections
    async with serving(scripted) as server:
        ana, ben = await server.connect(), await server.connect()
        async with ana.stream, ben.stream:
            await ana.send(masked(b"dismiss"))
            for client in (ana, ben):
                with trio.fail_after(PATIENCE_SECONDS):
                    assert await client.frame() == (CLOSE, b"\x11\x94session_ended")
            assert scripted.closed_count == 2
            for client in (ana, ben):
                await client.send(masked(b"not heard") + goodbye(4500))
                assert await client.frames() == []
    assert scripted.heard == [b"dismiss"]
    assert scripted.closed_count == 2


@pytest.mark.parametrize("linger", [True, False])
async def test_a_client_that_vanishes_is_noticed(linger: bool) -> None:
    room = Echo()
    async with serving(room) as server:
        ana = await server.connect()
        if linger:  # Closing resets the connection.
            ana.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await ana.stream.aclose()
        await eventually(lambda: room.closed_count)
        assert not server.reactor.connections


async def test_what_is_pushed_in_one_tick_leaves_in_one_piece_and_in_order() -> None:
    room = Echo()
    async with serving(room) as server:
        ana = await server.connect()
        async with ana.stream:
            await wait_all_tasks_blocked()
            words = [b"%d" % n for n in range(100)]
            for word in words:
                room.connections[0].push(frame(word))
            assert await ana.stream.receive_some(65536) == b"".join(frame(word) for word in words)


async def test_pings_of_the_application_and_of_the_client_are_answered() -> None:
    async with serving(Echo()) as server:
        ana = await server.connect()
        async with ana.stream:
            await ana.send(masked(b"one", PING))
            assert await ana.frame() == (PONG, b"one")


async def test_going_away_tells_everybody_and_takes_nobody_in() -> None:
    room = Echo()
    async with serving(room) as server:
        ana = await server.connect()
        late = await server.call()
        async with ana.stream, late.stream:
            await wait_all_tasks_blocked()
            server.reactor.close_all(GOING_AWAY)
            assert await ana.frame() == (CLOSE, b"\x0f\xa0going_away")
            assert await late.rest() == b""
            with pytest.raises(OSError, match="all attempts to connect"):
                await server.call()
            await ana.send(goodbye(4000))
            assert await ana.frames() == []
            await ana.stream.aclose()
            with trio.fail_after(PATIENCE_SECONDS):
                await server.reactor.wait_empty()
            assert not server.reactor.connections


async def test_when_the_server_is_cancelled_the_application_hears_of_every_end() -> None:
    room = Echo()
    async with serving(room) as server:
        clients = [await server.connect() for _ in range(2)]
        await wait_all_tasks_blocked()
        assert room.closed_count == 0
    assert room.closed_count == 2
    for client in clients:
        await client.stream.aclose()


# Fairness.


async def messages_before_ana(limits: SocketLimits) -> int:
    """How much of what Eve has sent at once is heard before the one message of Ana."""
    room = Scripted({})
    async with serving(room, limits) as server:
        eve, ana = await server.connect(), await server.connect()
        async with ana.stream, eve.stream:
            await eve.send(b"".join(masked(b"") for _ in range(5000)))
            await ana.send(masked(b"Ana"))
            with trio.fail_after(PATIENCE_SECONDS):
                assert await ana.frame() == (TEXT, b"Ana")
                for _ in range(5000):
                    await eve.frame()
    return room.heard.index(b"Ana")


async def test_a_flood_of_messages_does_not_keep_the_others_waiting() -> None:
    assert await messages_before_ana(SocketLimits(messages_per_turn=10)) <= 20


async def test_without_turns_that_test_would_see_ana_wait() -> None:
    assert await messages_before_ana(SocketLimits(messages_per_turn=100_000)) >= 5000


# The machine's limits.


class ExhaustedListener(socket.socket):
    """Has no file descriptor left, once."""

    refused_count = 0

    def accept(self) -> tuple[socket.socket, object]:
        if not self.refused_count:
            self.refused_count += 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_without_file_descriptors_it_waits_and_serves_those_it_has() -> None:
    listener = ExhaustedListener(fileno=listen("127.0.0.1", 0, reuse_port=False).detach())
    listener.setblocking(False)
    reactor = Reactor(Echo(), limits=SocketLimits(accept_pause_seconds=0.05), allowed_origins=None)
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            await nursery.start(reactor.serve, listener)
            server = Server(reactor, listener.getsockname()[1])
            with trio.fail_after(PATIENCE_SECONDS):
                ana = await server.connect()
            assert await still_serves(ana)
            await ana.stream.aclose()
            nursery.cancel_scope.cancel()
    assert [log["event"] for log in logs] == ["accept_paused"]
