"""One client: what it has half sent, what it has not yet taken, and how far it is from its end.

A connection owns no task. Its methods are called by the reactor, or synchronously by whoever has
something for it, all in one thread, and none of them waits.
"""

import select
import socket
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import structlog

from realtime import handshake
from realtime.application import Host
from realtime.disconnects import SLOW_READER, Disconnect
from realtime.frames import BINARY, CLOSE, PING, PONG, Fault, close_frame, frame
from realtime.parser import Parser
from realtime.send_queue import SendQueue

log = structlog.get_logger()

# The life of a connection, in order. CLOSING: our close frame is on its way, the client's is
# awaited. DRAINING: both sides are done; once all is sent we say so to TCP, and throw away what
# still comes, since closing with unread bytes would reset the connection under our last words.
HANDSHAKING, OPEN, CLOSING, DRAINING, GONE = range(5)
READ, WRITE = select.EPOLLIN, select.EPOLLOUT


class Connection:
    """`state` belongs to the application. Times are Trio's, in seconds."""

    __slots__ = (
        "__weakref__",
        "_backlog",
        "_head",
        "_host",
        "_parser",
        "_phase",
        "_queue",
        "_told",
        "_watching",
        "address",
        "fd",
        "heard_at",
        "pinged_at",
        "socket",
        "state",
        "user_agent",
    )

    def __init__(self, client: socket.socket, address: str, host: Host) -> None:
        self.address = address
        self.user_agent = ""
        self.state: Any = None
        self.socket = client
        self.fd = client.fileno()
        self.heard_at = self.pinged_at = host.now
        self._host = host
        self._phase = HANDSHAKING
        self._head = b""
        self._parser: Parser | None = None
        self._backlog: Iterator[tuple[int, bytes]] | None = None
        self._queue: SendQueue | None = None
        self._told = True
        self._watching = READ

    # For the application.

    @property
    def open(self) -> bool:
        return self._phase == OPEN

    @property
    def queue_bytes(self) -> int:
        """Bytes that the client has not yet taken from us (what the kernel holds not counted)."""
        return 0 if self._queue is None else self._queue.size_bytes

    def push(self, frame: bytes) -> None:
        """Send `frame` (encoded, see frames.frame) after those before it. Never waits, never
        raises; frames of one tick leave together. Too much unsent closes with 4001."""
        if self._phase != OPEN:
            return
        queue = self._queue
        if queue is None:
            self._queue = SendQueue(frame)
            self._host.soon(self)
        else:
            queue.append(frame)
            if queue.size_bytes > self._host.limits.queue_bytes_max:
                self._overflow()

    def close(self, disconnect: Disconnect) -> None:
        """Say goodbye behind what was pushed before; nothing is handed on any more. Idempotent."""
        if self._phase == HANDSHAKING:
            self.abandon()
        elif self._phase == OPEN:
            self._enqueue(close_frame(disconnect))
            self._end(CLOSING)

    # For the reactor and the sweeper.

    def read(self) -> None:
        """There are bytes to read, or it is the end."""
        if self._backlog is not None or self._is_full():
            self._watch()  # Else a full one would be reported again and again.
            return
        view = self._host.buffer
        try:
            count = self.socket.recv_into(view)
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if not count:
            self.abandon()
            return
        self.heard_at = self._host.now
        if self._parser is not None:
            self._backlog = self._parser.receive(bytes(view[:count]))
            self.work()
        elif self._phase == HANDSHAKING:
            self._shake_hands(bytes(view[:count]))

    def work(self) -> None:
        """Hand on what was read, as much as one turn allows."""
        if self._backlog is None or self._is_full():
            return
        host, application = self._host, self._host.application
        left = host.limits.messages_per_turn
        try:
            for opcode, payload in self._backlog:
                if opcode <= BINARY:
                    if self._phase == OPEN:
                        application.message(self, payload, opcode)
                elif opcode == PING:
                    self.push(frame(payload, PONG))
                elif opcode == CLOSE:
                    self._answer_close(payload)
                if self._phase >= DRAINING:
                    break
                left -= 1
                if left <= 0:
                    host.resume(self)
                    return
        except Fault as fault:
            self._fail(fault)
        self._backlog = None
        if not self._watching & READ:
            self._watch()

    def settle(self) -> None:
        """End of a tick: send what has gathered, and tell the application of the end."""
        queue = self._queue
        if queue is not None and not queue.is_blocked:
            self.flush()
        if not self._told and self._phase > OPEN:
            self._told = True
            self._host.application.closed(self)

    def flush(self) -> None:
        """Send what the socket takes; the rest goes when it says that it takes more."""
        queue = self._queue
        if queue is None:
            return
        host = self._host
        try:
            is_sent = queue.send(self.socket, host.limits.write_bytes_max, host.now)
        except OSError:
            self.abandon()
            return
        if is_sent:
            self._queue = None
            if self._phase == DRAINING:
                self._shut_down()
        if not is_sent or self._watching != READ:
            self._watch()
            if self._backlog is not None and not self._is_full():
                host.resume(self)

    def ping(self) -> None:
        self.pinged_at = self._host.now
        self.push(frame(b"", PING))

    def drop_if_waiting_since(self, before: float) -> None:
        """Give up on a client that has not taken what was queued before that time."""
        queue = self._queue
        if queue is not None and queue.is_blocked and queue.aged_at < before:
            self._give_up()

    def refuse(self, refused: handshake.Refused) -> None:
        """Answer a request that is no handshake, then end."""
        if refused.status is not HTTPStatus.OK:
            log.info("handshake_refused", address=self.address, status=refused.status.value)
        self._host.shaken(self)
        self._enqueue(refused.response)
        self._end(DRAINING)

    def abandon(self) -> None:
        """End the TCP connection without another word."""
        if self._phase == GONE:
            return
        self._phase = GONE
        self._parser = self._backlog = self._queue = None
        self._host.gone(self)
        self.socket.close()
        if not self._told:
            self._host.soon(self)

    def _shake_hands(self, data: bytes) -> None:
        searched_bytes = max(0, len(self._head) - len(handshake.HEAD_END))
        head = self._head + data
        end = head.find(handshake.HEAD_END, searched_bytes)
        size_bytes = len(head) if end < 0 else end
        if size_bytes > self._host.limits.handshake_bytes_max:
            self.refuse(handshake.HEAD_TOO_LARGE)
            return
        if end < 0:
            self._head = head
            return
        self._head = b""
        answer = self._host.answer(head[:end])
        if isinstance(answer, handshake.Refused):
            self.refuse(answer)
            return
        self._parser = Parser(self._host.limits)
        self._backlog = self._parser.receive(head[end + len(handshake.HEAD_END) :])
        self._open(answer)
        self.work()

    def _open(self, accepted: handshake.Accepted) -> None:
        self._host.shaken(self)
        self._phase = OPEN
        self._told = False
        self.user_agent = accepted.user_agent
        self._enqueue(accepted.response)
        self._host.application.opened(self)

    def _answer_close(self, payload: bytes) -> None:
        if self._phase == OPEN:
            self._enqueue(frame(payload[:2], CLOSE))
        self._end(DRAINING)

    def _fail(self, fault: Fault) -> None:
        if self._phase == OPEN:
            log.info("protocol_fault", address=self.address, fault=str(fault))
            self._enqueue(close_frame(fault.disconnect))
        self._end(DRAINING)

    def _end(self, phase: int) -> None:
        self._phase = phase
        self._host.ending(self)
        if phase == DRAINING:
            self._parser = self._backlog = None
            if self._queue is None:
                self._shut_down()
        if not self._told:
            self._host.soon(self)

    def _shut_down(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.abandon()

    def _enqueue(self, data: bytes) -> None:
        if self._queue is None:
            self._queue = SendQueue(data)
            self._host.soon(self)
        else:
            self._queue.append(data)

    def _overflow(self) -> None:
        if self._queue is not None and not self._queue.is_blocked:
            self.flush()  # Much was pushed in one tick: perhaps the socket takes it.
        queue = self._queue
        if (
            queue is not None
            and queue.size_bytes > self._host.limits.queue_bytes_max
            and not queue.is_single
        ):
            self._give_up()

    def _give_up(self) -> None:
        """The queue is freed at once. Our last word goes behind the part that has begun to leave,
        and if it is not taken either, the deadline of every ending ends it."""
        if self._phase == OPEN and self._queue is not None:
            log.info("slow_reader", address=self.address, queue_bytes=self._queue.size_bytes)
            self._queue.keep_only_begun()
            self.close(SLOW_READER)

    def _is_full(self) -> bool:
        """Whether answers to what could be read next might overflow the queue: then TCP shall
        hold the client back, as long as the queue's age allows."""
        queue, parser, limits = self._queue, self._parser, self._host.limits
        if queue is None or parser is None or not queue.is_blocked:
            return False
        coming_bytes = parser.held_bytes + limits.read_bytes_max
        return queue.size_bytes + coming_bytes > limits.queue_bytes_max

    def _watch(self) -> None:
        is_blocked = self._queue is not None and self._queue.is_blocked
        events = (0 if self._is_full() else READ) | (WRITE if is_blocked else 0)
        if events != self._watching and self._phase != GONE:
            self._watching = events
            self._host.watch(self, events)
