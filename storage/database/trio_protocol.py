"""asyncpg's own protocol, driven by Trio: no asyncio loop and no background task for a connection.

asyncpg keeps its wire protocol (encoding, prepared statements, SCRAM, the rules of sslmode) apart
from asyncio: it asks an "event loop" for futures and for transports. Here is just enough of such a
loop. Awaiting its future moves the socket's bytes until the answer is there.

This is the only module that touches asyncpg's private names. They belong to one version, so asyncpg
is pinned to it and a test holds the pin.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import asyncpg
import trio
from asyncpg import connect_utils

from storage.database.deadlines import Deadlines, Limits
from storage.database.link import STATEMENT_CACHED_BYTES_MAX, STATEMENTS_CACHED_MAX
from storage.database.trio_future import Future
from storage.database.trio_transport import TlsTransport, Transport

ASYNCPG_VERSION = "0.32.0"

KEEPALIVE_IDLE_SECONDS = 30
KEEPALIVE_INTERVAL_SECONDS = 10
KEEPALIVE_PROBES_MAX = 3


class _Handle:
    def cancel(self) -> None:
        """Nothing was scheduled: time limits are kept by `Deadlines`."""


class Loop:
    """The part of an event loop that asyncpg touches; one for each connection.

    `peer` is where to dial instead of asking the name again (a CancelRequest must reach the very
    server that runs the query, and TLS must still verify the name).
    """

    def __init__(self, deadlines: Deadlines, limits: Limits, peer: Any = None) -> None:
        self._deadlines = deadlines
        self._limits = limits
        self._peer = peer
        self.transport: Transport | None = None
        self.connection: Any = None  # asyncpg's, once it is established
        self.waiting_since = 0.0  # monotonic seconds; 0 = nobody waits for an answer

    # Waiting.

    async def answer_to(self, future: Future) -> None:
        """Pump until the future is done; cancelled, leave the connection clean, or closed."""
        assert self.transport is not None
        self.waiting_since = time.monotonic()
        try:
            await self.transport.pump(future)
        except BaseException:
            await self._abandon(future)
            raise
        finally:
            self.waiting_since = 0.0

    async def _abandon(self, future: Future) -> None:
        """End the query at the server and swallow the rest of its answer, so that the next caller
        on this connection hears only what it asked. If that fails, the connection is closed.
        """
        assert self.transport is not None
        if self.connection is not None:
            with self._deadlines.limit(self._limits.drain_seconds, shield=True):
                await self._drain(future)
        if not future.finished:
            self.transport.close()

    async def _drain(self, future: Future) -> None:
        assert self.transport is not None
        try:
            await self._cancel_at_server(self.transport)
        except OSError:
            self.transport.close()
        else:
            await self.transport.pump(future)

    async def _cancel_at_server(self, transport: Transport) -> None:
        """Returns when the server has signalled the query's end: a later query is not hit."""
        protocol = self.connection._protocol
        second = Loop(self._deadlines, self._limits, peer=transport.sock.getpeername())
        try:
            await connect_utils._cancel(
                loop=second,
                addr=self.connection._addr,
                params=self.connection._params,
                backend_pid=protocol.backend_pid,
                backend_secret=protocol.backend_secret,
            )
        finally:
            second.close_transport()

    def close_transport(self) -> None:
        if self.transport is not None:
            self.transport.close()

    # Called by asyncpg.

    def create_future(self) -> Future:
        return Future(self)

    async def create_unix_connection(
        self, protocol_factory: Callable[[], Any], path: str
    ) -> tuple[Transport, Any]:
        with trio.socket.socket(socket.AF_UNIX) as opened:
            await opened.connect(path)
            return self._connected(Transport(_detached(opened), protocol_factory()))

    async def create_connection(
        self,
        protocol_factory: Callable[[], Any],
        host: str,
        port: int,
        ssl: ssl.SSLContext | None = None,
    ) -> tuple[Transport, Any]:
        sock = _detached((await self._dial(host, port)).socket)
        if ssl is None:
            return self._connected(Transport(sock, protocol_factory()))
        self.transport = secured = TlsTransport(sock, protocol_factory(), ssl, host)
        await secured.handshake()
        return self._connected(secured)

    async def start_tls(
        self, transport: Transport, protocol: Any, context: ssl.SSLContext, server_hostname: str
    ) -> Transport:
        # asyncpg announces the new transport to a new protocol itself.
        self.transport = secured = TlsTransport(transport.sock, protocol, context, server_hostname)
        await secured.handshake()
        return secured

    def call_soon(self, callback: Callable[..., object], *arguments: Any) -> None:
        callback(*arguments)

    def call_later(self, *_ignored: Any) -> _Handle:
        return _Handle()

    def is_closed(self) -> bool:
        return False

    def get_debug(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        raise RuntimeError(context["message"])

    async def _dial(self, host: str, port: int) -> trio.SocketStream:
        if self._peer is not None:
            host, port = self._peer[:2]
        stream = await trio.open_tcp_stream(host, port)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES_MAX)
        return stream

    def _connected(self, transport: Transport) -> tuple[Transport, Any]:
        self.transport = transport
        transport.protocol.connection_made(transport)
        return transport, transport.protocol


def _detached(opened: trio.socket.SocketType) -> socket.socket:
    sock = socket.socket(fileno=opened.detach())
    sock.setblocking(False)
    return sock


# Arguments that asyncpg wants named, and then reads from the URL or the environment.
_LEFT_TO_THE_URL = (
    "host",
    "port",
    "user",
    "password",
    "passfile",
    "service",
    "servicefile",
    "ssl",
    "direct_tls",
    "database",
    "command_timeout",
    "target_session_attrs",
    "krbsrvname",
    "gsslib",
)


class TrioLink:
    """asyncpg's connection on the loop above; its methods are called as they are."""

    def __init__(self, connection: Any, loop: Loop) -> None:
        self._connection = connection
        self._loop = loop
        self._heard: list[str] = []
        self.idle_since = 0.0
        self.fetch = connection.fetch
        self.fetchrow = connection.fetchrow
        self.fetchval = connection.fetchval
        self.execute = connection.execute
        self.is_closed = connection.is_closed
        self.terminate = connection.terminate

    @property
    def waiting_since(self) -> float:
        return self._loop.waiting_since

    async def listen(self, channel: str) -> None:
        await self._connection.add_listener(channel, self._hear)

    async def notified(self) -> list[str]:
        transport = self._loop.transport
        assert transport is not None
        if not self._heard and not transport.closed:
            await transport.read_once()
        heard, self._heard = self._heard, []
        return heard

    def notice(self) -> None:
        assert self._loop.transport is not None
        self._loop.transport.read_now()

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._heard.append(str(payload))


async def connect(
    url: str,
    server_settings: dict[str, str],
    deadlines: Deadlines,
    limits: Limits,
    *,
    loop: Loop | None = None,
) -> TrioLink:
    """Raises what asyncpg raises, or OSError. Cancelled, it leaves no socket behind.

    `loop`: one that waits in another way, and serves no other connection.
    """
    loop = loop or Loop(deadlines, limits)
    try:
        connection = await connect_utils._connect(
            loop=loop,
            connection_class=asyncpg.Connection,
            record_class=asyncpg.Record,
            dsn=url,
            server_settings=server_settings,
            statement_cache_size=STATEMENTS_CACHED_MAX,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=STATEMENT_CACHED_BYTES_MAX,
            **dict.fromkeys(_LEFT_TO_THE_URL),
        )
    except BaseException:
        loop.close_transport()
        raise
    loop.connection = connection
    return TrioLink(connection, loop)
