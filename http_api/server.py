"""Hypercorn's HTTP/1.1 on Trio, with what it leaves open closed.

Hypercorn's own accept loop ends the process when one connection fails in an unforeseen way, waits
for ever on a client that does not read, takes any number of connections, speaks cleartext HTTP/2
to whoever asks, and says nothing in the body of its own errors. Its connection and protocol
classes do the work here; this file is the loop around them. (They are not public: the version
is pinned, and the tests speak to the real thing.)
"""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import h11
import structlog
import trio
from hypercorn.config import Config
from hypercorn.events import Closed
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState, LifespanState
from hypercorn.utils import parse_socket_addr

from http_api.envelope import failure
from http_api.exchange import ClientGone, Message, Receive, Scope, Send
from http_api.server_log import ServerLogger
from storage.errors import MalformedInput, PayloadTooLarge
from storage.ids import new_id

CONNECTIONS_MAX = 1_000
HEADER_BYTES_MAX = 16 * 1024
IDLE_SECONDS_MAX = 10
"""Between requests, and until a request's headers are complete."""

SEND_SECONDS_MAX = 20.0
"""How long one write may wait for a client that does not read."""

GRACE_SECONDS = 3.0
"""What requests in flight are given when the process is asked to end."""

FULL_SECONDS = 0.5
OUT_OF_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
BACKLOG = 512

log = structlog.get_logger()


def config() -> Config:
    config = Config()
    config.logger_class = ServerLogger
    config.accesslog = None
    config.h11_max_incomplete_size = HEADER_BYTES_MAX
    config.keep_alive_timeout = IDLE_SECONDS_MAX
    config.graceful_timeout = GRACE_SECONDS
    config.include_server_header = False
    return config


App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


async def serve(
    app: App,
    listeners: list[trio.SocketListener],
    *,
    ending: trio.Event,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `ending` is set; then finish what is in flight, within GRACE_SECONDS."""
    server = _Server(app)
    async with trio.open_nursery() as closing:
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                for listener in listeners:
                    accepting.start_soon(server.accept, listener, connections)
                task_status.started()
                await ending.wait()
                accepting.cancel_scope.cancel()
            for listener in listeners:
                await listener.aclose()
            await server.context.terminated.set()  # Idle connections end now.
            grace_ends_seconds = trio.current_time() + GRACE_SECONDS
            connections.cancel_scope.deadline = grace_ends_seconds
            closing.start_soon(server.close_at, grace_ends_seconds)
        closing.cancel_scope.cancel()


class _Server:
    def __init__(self, app: App) -> None:
        self.app = app
        self.config = config()
        self.context = WorkerContext(None)
        self.streams: set[_Stream] = set()
        self.room = trio.Semaphore(CONNECTIONS_MAX)

    async def accept(self, listener: trio.SocketListener, connections: trio.Nursery) -> None:
        while True:
            # Full: the next ones wait in the kernel's backlog.
            await self.room.acquire()
            try:
                stream = await listener.accept()
            except OSError as error:
                self.room.release()
                if error.errno not in OUT_OF_ROOM:
                    raise
                log.error("accept_failed", error=str(error))
                await trio.sleep(FULL_SECONDS)
            else:
                connections.start_soon(self._speak, _Stream(stream))

    async def _speak(self, stream: _Stream) -> None:
        self.streams.add(stream)
        try:
            await _Connection(self, stream).run()
        except Exception:
            # A connection's alone, whatever it is.
            log.exception("connection_failed")
        finally:
            stream.socket.close()
            self.streams.discard(stream)
            self.room.release()

    async def close_at(self, deadline_seconds: float) -> None:
        """Hypercorn shields its writes: only a closed socket ends one that hangs."""
        await trio.sleep_until(deadline_seconds)
        for stream in self.streams:
            stream.socket.close()


class _Connection(TCPServer):
    """Cleartext HTTP/1.1 only; TLS and HTTP/2 are the reverse proxy's."""

    def __init__(self, server: _Server, stream: _Stream) -> None:
        # It is declared for narrower kinds of both, but takes any that behave alike.
        app: Any = _Careful(server.app, stream)
        tls_stream: Any = stream
        super().__init__(app, server.config, server.context, LifespanState(), tls_stream)

    async def run(self) -> None:
        try:
            socket = self.stream.socket
            async with TaskGroup() as task_group:
                self._task_group = task_group
                self.protocol = _Protocol(  # type: ignore[assignment]  # Instead of its wrapper.
                    self.app,
                    self.config,
                    self.context,
                    task_group,
                    ConnectionState({}),
                    False,
                    parse_socket_addr(socket.family, socket.getpeername()),
                    parse_socket_addr(socket.family, socket.getsockname()),
                    self.protocol_send,
                )
                await self.idle_task.restart(task_group, self._idle_timeout)
                await self._read_data()
        except OSError:
            pass  # The client went away.
        finally:
            await self._close()


class _Protocol(H11Protocol):
    async def _check_protocol(self, event: h11.Request) -> None:
        """No upgrade to HTTP/2: a proxy in front could be talked past with it."""

    async def _create_stream(self, request: h11.Request) -> None:
        """Ignore `Upgrade`, as a server may: the socket has a server of its own."""
        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in request.headers}:
            # Two ends to one body: a proxy in front may have believed the other one.
            await self._send_error_response(MalformedInput.http_status)
            await self.send(Closed())
            return
        headers = [(name, value) for name, value in request.headers if name != b"upgrade"]
        plain = h11.Request(
            method=request.method,
            target=request.target,
            headers=headers,
            http_version=request.http_version,
        )
        await super()._create_stream(plain)

    async def _send_error_response(self, status_code: int) -> None:
        """What is not even HTTP gets the envelope too."""
        request_id = str(new_id())
        log.warning("malformed_request", request_id=request_id, status=status_code)
        refusal = HeadersTooLarge if status_code == HeadersTooLarge.http_status else MalformedInput
        response = failure(refusal("request", "is not HTTP/1.1 as this server speaks it"))
        headers = [
            *response.headers,
            (b"x-request-id", request_id.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"content-length", b"%d" % len(response.body)),
            (b"connection", b"close"),
            *self.config.response_headers("h11"),
        ]
        await self._send_h11_event(h11.Response(status_code=response.status, headers=headers))
        await self._send_h11_event(h11.Data(data=response.body))
        await self._send_h11_event(h11.EndOfMessage())


class HeadersTooLarge(PayloadTooLarge):
    http_status = 431


class _Careful:
    """The application of one connection, kept from waiting or sending for ever.

    Hypercorn tells an application that the request is over through the queue of body parts. If
    that is full, because the answer came before the body was read, both sides wait for ever: so
    what is left of a body is thrown away while the answer ends. And what is sent to a client
    that has gone is an error, not nothing.
    """

    def __init__(self, app: App, stream: _Stream) -> None:
        self._app = app
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send, *threads: object) -> None:
        whole = False

        async def receive_noting() -> Message:
            nonlocal whole
            message = await receive()
            whole = not message.get("more_body", False)
            return message

        async def send_draining(message: Message) -> None:
            if self._stream.gone:
                raise ClientGone
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if whole or not last:
                await send(message)
                return
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_discard, receive)
                await send(message)
                nursery.cancel_scope.cancel()

        await self._app(scope, receive_noting, send_draining)


async def _discard(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Stream:
    """A connection's bytes. A write that the client does not take in time ends it."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self.socket = stream.socket
        self.gone = False

    async def send_all(self, data: bytes) -> None:
        sent = False
        try:
            with trio.move_on_after(SEND_SECONDS_MAX):
                await self._stream.send_all(data)
                sent = True
        finally:
            self.gone = not sent
        if self.gone:
            self.socket.close()
            raise trio.BrokenResourceError("the client does not read")

    async def receive_some(self, bytes_max: int) -> bytes:
        return bytes(await self._stream.receive_some(bytes_max))

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()
