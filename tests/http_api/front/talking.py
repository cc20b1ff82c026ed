"""Speaking to a real server on a real port, byte by byte."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import trio
import trio.testing

from http_api.exchange import Receive, Scope, Send
from http_api.server import (
    serve,
)

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
ASK = b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


class Running:
    def __init__(self, port: int, ending: trio.Event) -> None:
        self.port = port
        self.ending = ending

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def answer(self, request: bytes) -> bytes:
        """Everything that comes back until the server hangs up, or has answered fully."""
        stream = await self.connect()
        async with stream:
            await stream.send_all(request)
            return await read_answer(stream)


async def read_answer(stream: trio.SocketStream) -> bytes:
    received = b""
    while True:
        part = await stream.receive_some(65536)
        received += part
        head, blank, body = received.partition(b"\r\n\r\n")
        length = b"content-length: "
        if not part or (
            blank
            and length in head
            and len(body) >= int(head.partition(length)[2].partition(b"\r\n")[0])
        ):
            return received


async def read_to_end(stream: trio.SocketStream) -> bytes:
    received = bytearray()
    while part := await stream.receive_some(65536):
        received += part
    return bytes(received)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def error_of(answer: bytes) -> dict[str, object]:
    error: dict[str, object] = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    return error


@asynccontextmanager
async def running(app: Application) -> AsyncIterator[Running]:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    ending = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve, app, listeners, ending=ending))
        yield Running(port, ending)
        ending.set()


async def hung_up(stream: trio.SocketStream) -> None:
    try:
        while await stream.receive_some(65536):
            pass
    except trio.BrokenResourceError:
        pass
