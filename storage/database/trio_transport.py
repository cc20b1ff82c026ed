"""One socket to PostgreSQL, plain or TLS, in the shape of an asyncio transport but driven by Trio.

Nothing runs in the background: bytes move only while a caller awaits `pump` or `read_once`.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any, Protocol

import trio

READ_BYTES = 64 * 1024


class Awaited(Protocol):
    finished: bool


class Transport:
    """What asyncpg's protocol writes to. `protocol` hears `data_received` and `connection_lost`."""

    __slots__ = ("_unsent", "closed", "protocol", "sock")

    def __init__(self, sock: socket.socket, protocol: Any) -> None:
        self.sock = sock
        self.protocol = protocol
        self.closed = False
        self._unsent = b""

    # Called by asyncpg.

    def write(self, data: bytes | memoryview) -> None:
        if self.closed:
            return
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            # The peer is gone. What it said last may still be readable, and reading will tell.
            return
        if sent < len(data):
            self._unsent = bytes(data[sent:])

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.sock if name == "socket" else default

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """Reading pauses by itself: nobody reads unless a caller waits for an answer."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""

    def close(self) -> None:
        self._lose(None)

    def abort(self) -> None:
        self._lose(None)

    # Called by Trio tasks.

    async def pump(self, future: Awaited) -> None:
        """Write what is left and read what comes, until the future is done."""
        while not future.finished:
            if self._unsent:
                await self._flush()
            if self.closed:  # by another task, while this one waited to write
                raise ConnectionResetError("the connection was closed")
            await self.read_once()

    async def read_once(self) -> None:
        """Wait for bytes and hand them on. The protocol hears of a loss; nothing is raised."""
        try:
            await trio.lowlevel.wait_readable(self.sock)
        except trio.ClosedResourceError:
            return  # closed by another task, which has told the protocol
        self.read_now()

    def read_now(self) -> None:
        """Hand on what has arrived, if anything has."""
        if self.closed:
            return
        try:
            data = self.sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as problem:
            self._lose(problem)
            return
        if data:
            self._received(data)
        else:
            self._lose(None)

    async def _flush(self) -> None:
        while self._unsent and not self.closed:
            try:
                await trio.lowlevel.wait_writable(self.sock)
                self._unsent = self._unsent[self.sock.send(self._unsent) :]
            except trio.ClosedResourceError:
                return
            except BlockingIOError:
                continue
            except OSError:
                self._unsent = b""  # as in `write`: reading will tell

    def _received(self, data: bytes) -> None:
        self.protocol.data_received(data)

    def _lose(self, problem: Exception | None) -> None:
        if not self.closed:
            self.closed = True
            trio.lowlevel.notify_closing(self.sock)
            self.sock.close()
            self.protocol.connection_lost(problem)


class TlsTransport(Transport):
    """The same through TLS. `handshake` comes before anything else."""

    __slots__ = ("_incoming", "_outgoing", "_tls")

    def __init__(
        self, sock: socket.socket, protocol: Any, context: ssl.SSLContext, server_hostname: str
    ) -> None:
        super().__init__(sock, protocol)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_hostname
        )

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._tls if name == "ssl_object" else super().get_extra_info(name, default)

    async def handshake(self) -> None:
        """Raises ssl.SSLError (an OSError) when the peer is not whom it should be."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush_tls()
                await trio.lowlevel.wait_readable(self.sock)
                data = self.sock.recv(READ_BYTES)
                if not data:
                    raise ConnectionError("connection closed during TLS handshake") from None
                self._incoming.write(data)
            else:
                await self._flush_tls()
                return

    def write(self, data: bytes | memoryview) -> None:
        if self.closed:
            return
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._tls.write(rest) :]
        except ssl.SSLError:
            return  # as in the plain one: reading will tell
        super().write(self._outgoing.read())

    def _received(self, data: bytes) -> None:
        self._incoming.write(data)
        plain = []
        ended: Exception | None = None
        try:
            while part := self._tls.read(READ_BYTES):
                plain.append(part)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as problem:
            ended = problem
        if self._outgoing.pending:
            super().write(self._outgoing.read())
        # The last words before the end say why.
        if plain:
            self.protocol.data_received(b"".join(plain))
        if ended is not None:
            self._lose(ended)

    async def _flush_tls(self) -> None:
        super().write(self._outgoing.read())
        await self._flush()
