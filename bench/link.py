"""One TCP connection of the Python SDK: how it begins, stays alive and ends."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

import trio
from trio_websocket import (
    CloseReason,
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)
from wsproto.utilities import LocalProtocolError

MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024
GOODBYE_SECONDS_MAX: Final = 1.0
REFUSED_FOR_GOOD: Final = frozenset({400, 403, 404, 405, 426, 431})

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


class Disconnected(Exception):
    """There is no connection any more: whether the request took effect is unknown."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(f"{code} {reason}")


async def dial(url: str) -> Stream:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "wss":
        return await trio.open_ssl_over_tcp_stream(host, parts.port or 443, https_compatible=True)
    return await trio.open_tcp_stream(host, parts.port or 80)


async def shake_hands(
    nursery: trio.Nursery, stream: Stream, url: str, origin: str
) -> WebSocketConnection:
    """Raises HandshakeError, OSError. Its reader lives in `nursery`; the stream stays the caller's.

    trio-websocket waits on when the server dies before it has answered; only its reader ends.
    """
    parts = urlsplit(url)
    with trio.CancelScope() as shaking:
        home: Any = _ReaderHome(nursery, shaking.cancel)
        return await wrap_client_stream(
            home,
            stream,
            parts.netloc,
            f"{parts.path}?{parts.query}" if parts.query else parts.path,
            extra_headers=[(b"Origin", origin.encode())],
            max_message_size=MESSAGE_BYTES_MAX,
        )
    raise ConnectionResetError("the server hung up before it had answered")


class _ReaderHome:
    """What the library takes for a nursery: `ended` is called when its reader has ended."""

    def __init__(self, nursery: trio.Nursery, ended: Callable[[], None]) -> None:
        self._nursery = nursery
        self._ended = ended

    def start_soon(self, reader: Callable[[], Awaitable[None]]) -> None:
        self._nursery.start_soon(self._run, reader)

    async def _run(self, reader: Callable[[], Awaitable[None]]) -> None:
        # A ping that crosses our goodbye: the library would answer it, and may not any more.
        with suppress(LocalProtocolError):
            await reader()
        self._ended()


async def say_goodbye(socket: WebSocketConnection) -> None:
    with trio.move_on_after(GOODBYE_SECONDS_MAX):
        await socket.aclose()


async def keep_alive(socket: WebSocketConnection, ping_seconds: float) -> None:
    """A link that is silent in both directions looks like one that has nothing to say."""
    while True:
        await trio.sleep(ping_seconds)
        with trio.move_on_after(ping_seconds) as waiting:
            try:
                await socket.ping()
            except ConnectionClosed:
                return
        if waiting.cancelled_caught:
            await socket.aclose(1001, "silent")
            return


def why(reason: CloseReason | None) -> Disconnected:
    if reason is None:
        return Disconnected(1006, "")
    return Disconnected(reason.code, reason.reason or "")


def why_not(error: BaseException) -> Disconnected:
    """Why there was no connection. A server that is not ready may be asked again; a refusal of
    this very request would only be repeated, so it reads as 1008."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ConnectionRejected) and error.status_code in REFUSED_FOR_GOOD:
        return Disconnected(1008, f"HTTP {error.status_code}")
    return Disconnected(1006, str(error))
