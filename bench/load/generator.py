"""All connections in one epoll set: sends what is due, and reads what comes."""

from __future__ import annotations

import gc
import select
import socket
import time
from collections.abc import Iterator

from bench.load.dialects import DIALECTS, FIRST_ID, Kind, client_number
from bench.load.ledger import LANES, Ledger
from bench.load.orders import Cast, Outcome, Step
from bench.load.schedule import NS_PER_SECOND, Schedule
from bench.load.spread import spread_of
from bench.load.websocket import (
    CLOSE,
    HEAD_BYTES_MAX,
    HEAD_END,
    PING,
    PONG,
    TEXT,
    Frames,
    WebSocketFault,
    client_frame,
    handshake,
)

CONNECT_SECONDS_MAX = 30.0
CONNECTS_AT_ONCE = 32
BACKLOG_SECONDS_MAX = 0.5
BACKLOG_MESSAGES_MIN = 200
"""A step is stopped when more is under way than is sent in that time: it could not pass."""
READ_BYTES = 256 * 1024
EVENTS_MAX = 256
OUTBOX_BYTES_MAX = 4 * 1024 * 1024


class GeneratorError(Exception):
    """The run cannot go on; the message says why."""


class _Connection:
    __slots__ = ("frames", "outbox", "place", "socket", "template")

    def __init__(self, place: int, opened: socket.socket, template: bytes) -> None:
        self.place = place
        self.socket = opened
        self.template = template
        self.frames = Frames()
        self.outbox = b""


class Generator:
    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._dialect = DIALECTS[cast.dialect]
        self._ledger = Ledger(len(cast.people))
        self._epoll = select.epoll()
        self._connections: list[_Connection] = []
        self._by_fd: dict[int, _Connection] = {}
        self._ready = 0
        self._due = Schedule(0, 0, 1.0, 0.0, 0.0)
        self._ack_ns: list[int] = []
        self._delivery_ns: list[int] = []

    def connect(self) -> None:
        """Everybody is signed in afterwards. Raises GeneratorError."""
        deadline = time.monotonic() + CONNECT_SECONDS_MAX
        for place, person in enumerate(self._cast.people):
            opened, rest = self._open()
            connection = _Connection(place, opened, self._dialect.framed_template(person))
            self._connections.append(connection)
            self._by_fd[opened.fileno()] = connection
            self._epoll.register(opened, select.EPOLLIN)
            for greeting in self._dialect.greetings(person):
                self._write(connection, client_frame(greeting))
            if rest:
                self._read(connection, rest)
            while place + 1 - self._ready >= CONNECTS_AT_ONCE:
                self._wait_ready(deadline)
        while self._ready < len(self._connections):
            self._wait_ready(deadline)

    def close(self) -> None:
        for connection in self._connections:
            connection.socket.close()
        self._epoll.close()

    def wait_for(self, order: int) -> None:
        """Stay connected until there is something to read from the file `order`."""
        self._epoll.register(order, select.EPOLLIN)
        try:
            while order not in [fd for fd, _ in self._poll(None)]:
                pass
        finally:
            self._epoll.unregister(order)

    def perform(self, step: Step) -> Outcome:
        """Raises GeneratorError when a connection ends."""
        ledger = self._ledger
        schedule = Schedule(
            ledger.sent, step.begin_ns, step.rate, step.lead_in_seconds, step.seconds
        )
        self._due = schedule
        self._ack_ns, self._delivery_ns = [], []
        lateness_ns: list[int] = []
        cpu_began = time.process_time()
        backlog_max = LANES * max(BACKLOG_MESSAGES_MIN, round(step.rate * BACKLOG_SECONDS_MAX))
        connections, count = self._connections, len(self._connections)
        is_stopped = False
        gc.collect()
        gc.disable()
        number = ledger.sent
        while number < schedule.end:
            now = time.perf_counter_ns()
            due = schedule.due_ns(number)
            while due <= now and number < schedule.end:
                if number == schedule.measured_from:
                    cpu_began = time.process_time()
                if number >= schedule.measured_from:
                    lateness_ns.append(now - due)
                connection = connections[number % count]
                ledger.send()
                self._write(
                    connection,
                    connection.template % (FIRST_ID + number, client_number(number), number),
                )
                number += 1
                due = schedule.due_ns(number)
            if ledger.open > backlog_max:
                is_stopped = True
                break
            self._poll((due - time.perf_counter_ns()) / NS_PER_SECOND)
        cpu_seconds = time.process_time() - cpu_began
        self._drain(step.drain_seconds)
        gc.enable()
        return Outcome(
            sent=number - schedule.first,
            measured=max(0, number - schedule.measured_from),
            acked_in_all=ledger.acked,
            refused=len(ledger.refused),
            stopped_early=is_stopped,
            delivery=spread_of(self._delivery_ns),
            ack=spread_of(self._ack_ns),
            lateness=spread_of(lateness_ns),
            generator_cpu_seconds=cpu_seconds,
            faults=ledger.settle() if ledger.open or ledger.fault_count else [],
        )

    def _drain(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._ledger.open > 0 and (left := deadline - time.monotonic()) > 0:
            self._poll(left)

    def _wait_ready(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            missing = len(self._cast.people) - self._ready
            raise GeneratorError(f"{missing} connections are not signed in in time")
        self._poll(left)

    def _open(self) -> tuple[socket.socket, bytes]:
        """A connection after its handshake, and what came behind that."""
        cast = self._cast
        opened = socket.create_connection((cast.host, cast.port), CONNECT_SECONDS_MAX)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.sendall(handshake(cast.host, cast.port, self._dialect.path, cast.origin))
        head = b""
        while HEAD_END not in head:
            received = opened.recv(READ_BYTES)
            if not received or len(head) > HEAD_BYTES_MAX:
                raise GeneratorError("the server ended the handshake")
            head += received
        head, _, rest = head.partition(HEAD_END)
        if not head.startswith(b"HTTP/1.1 101 "):
            raise GeneratorError(f"the server answered {head.splitlines()[0].decode()}")
        opened.setblocking(False)
        return opened, rest

    def _poll(self, seconds: float | None) -> list[tuple[int, int]]:
        """Serve what is there, waiting for it at most `seconds`; None: as long as it takes.

        epoll itself waits in whole milliseconds, and select does not.
        """
        if seconds is None or seconds > 0:
            select.select([self._epoll], [], [], seconds)
        events = self._epoll.poll(0, EVENTS_MAX)
        for fd, event in events:
            connection = self._by_fd.get(fd)
            if connection is None:
                continue
            if event & select.EPOLLOUT:
                self._write(connection, b"")
            if event & ~select.EPOLLOUT:
                self._receive(connection)
        return events

    def _receive(self, connection: _Connection) -> None:
        try:
            received = connection.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            raise GeneratorError(f"a connection was lost: {error.strerror}") from None
        if not received:
            raise GeneratorError("the server ended a connection")
        self._read(connection, received)

    def _read(self, connection: _Connection, received: bytes) -> None:
        now = time.perf_counter_ns()
        ledger, schedule, place = self._ledger, self._due, connection.place
        for kind, number, seq in self._heard(connection, received):
            if kind is Kind.PUSH:
                if ledger.push(place, number, seq) and number >= schedule.measured_from:
                    self._delivery_ns.append(now - schedule.due_ns(number))
            elif kind is Kind.ACK:
                if ledger.ack(place, number) and number >= schedule.measured_from:
                    self._ack_ns.append(now - schedule.due_ns(number))
            elif kind is Kind.REFUSED:
                ledger.refuse(place, number)
            elif kind is Kind.READY:
                self._ready += 1

    def _heard(self, connection: _Connection, received: bytes) -> Iterator[tuple[Kind, int, int]]:
        dialect = self._dialect
        for opcode, payload in connection.frames.feed(received):
            if opcode == TEXT:
                answer = dialect.answers.get(payload)
                if answer is None:
                    yield dialect.read(payload)
                else:
                    self._write(connection, client_frame(answer))
            elif opcode == PING:
                self._write(connection, client_frame(payload, PONG))
            elif opcode == CLOSE:
                code = int.from_bytes(payload[:2], "big")
                reason = payload[2:].decode(errors="replace")
                raise GeneratorError(f"the server closed a connection: {code} {reason}")
            else:
                raise WebSocketFault(f"a frame of opcode {opcode}")

    def _write(self, connection: _Connection, data: bytes) -> None:
        if connection.outbox:
            data = connection.outbox + data
        try:
            sent = connection.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise GeneratorError(f"a connection was lost: {error.strerror}") from None
        rest = data[sent:]
        if len(rest) > OUTBOX_BYTES_MAX:
            raise GeneratorError("the server reads nothing any more")
        if bool(rest) != bool(connection.outbox):
            wanted = select.EPOLLIN | (select.EPOLLOUT if rest else 0)
            self._epoll.modify(connection.socket, wanted)
        connection.outbox = rest
