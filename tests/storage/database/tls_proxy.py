"""TLS in front of a PostgreSQL that was built without it. It lets nothing unencrypted through."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
TLS_HELLO = b"\x16"  # first byte of a client that starts TLS without asking
READ_BYTES = 64 * 1024


class TlsProxy:
    def __init__(self, target_port: int, certificate: Path, key: Path) -> None:
        self._target_port = target_port
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate, key)
        self.port = 0
        self.encrypted_count = 0
        self.refused_count = 0

    async def serve(self, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, self._forward, 0)
            self.port = listeners[0].socket.getsockname()[1]
            task_status.started()

    async def _forward(self, client: trio.SocketStream) -> None:
        start = await client.socket.recv(len(SSL_REQUEST), socket.MSG_PEEK)
        if start == SSL_REQUEST:
            await client.receive_some(len(SSL_REQUEST))
            await client.send_all(b"S")
        elif not start.startswith(TLS_HELLO):
            self.refused_count += 1
            await client.aclose()
            return
        secured = trio.SSLStream(client, self._context, server_side=True, https_compatible=True)
        server = await trio.open_tcp_stream("127.0.0.1", self._target_port)
        async with secured, server, trio.open_nursery() as nursery:
            nursery.start_soon(self._copy, secured, server, nursery.cancel_scope)
            nursery.start_soon(self._copy, server, secured, nursery.cancel_scope)

    async def _copy(
        self, source: trio.abc.Stream, sink: trio.abc.Stream, both: trio.CancelScope
    ) -> None:
        try:
            if isinstance(source, trio.SSLStream):
                await source.do_handshake()
                self.encrypted_count += 1
            while data := await source.receive_some(READ_BYTES):
                await sink.send_all(data)
        except trio.BrokenResourceError:
            pass  # who closed without a farewell, or refused our certificate, is gone all the same
        both.cancel()


@asynccontextmanager
async def tls_before(target_port: int, certificate: Path, key: Path) -> AsyncIterator[TlsProxy]:
    proxy = TlsProxy(target_port, certificate, key)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.serve)
        yield proxy
        nursery.cancel_scope.cancel()
