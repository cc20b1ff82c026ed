"""A client's side of the wire, written out by hand, so that it can also be wrong on purpose."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from realtime.application import Application
from realtime.connection import Connection
from realtime.frames import CLOSE, TEXT, apply_mask_slowly, frame
from realtime.reactor import Reactor, SocketLimits, listen

FINAL = 0x80
MASK = bytes.fromhex("37fa213d")
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: loopync.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Origin: http://loopync.example\r\nUser-Agent: Ana's phone\r\n\r\n"
)
Frame = tuple[int, bytes]


def masked(
    payload: bytes,
    opcode: int = TEXT,
    *,
    final: bool = True,
    reserved: int = 0,
    mask: bytes = MASK,
    length_bytes: int | None = None,
) -> bytes:
    """One frame of a client. `length_bytes`: 0, 2 or 8, to say a length the long way."""
    size = len(payload)
    if length_bytes is None:
        length_bytes = 0 if size < 126 else 2 if size < 65536 else 8
    short = {0: size, 2: 126, 8: 127}[length_bytes]
    head = bytes((final * FINAL | reserved | opcode, 0x80 | short))
    return (
        head + size.to_bytes(8, "big")[8 - length_bytes :] + mask + apply_mask_slowly(payload, mask)
    )


def fragments(payload: bytes, size: int, opcode: int = TEXT) -> bytes:
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    return b"".join(
        masked(piece, 0 if index else opcode, final=index == len(pieces) - 1)
        for index, piece in enumerate(pieces)
    )


def goodbye(code: int | None = 1000, reason: bytes = b"") -> bytes:
    return masked(b"" if code is None else code.to_bytes(2, "big") + reason, CLOSE)


class Echo:
    """Sends everything back, and remembers who came and went."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.closed_count = 0

    def opened(self, connection: Connection) -> None:
        self.connections.append(connection)

    def message(self, connection: Connection, payload: bytes, opcode: int) -> None:
        connection.push(frame(payload, opcode))

    def closed(self, connection: Connection) -> None:
        self.closed_count += 1


class Client:
    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._read = bytearray()

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def exactly(self, size: int) -> bytes:
        """Raises EOFError when the server is done before that."""
        while len(self._read) < size:
            data = await self.stream.receive_some(1 << 20)
            if not data:
                raise EOFError(bytes(self._read))
            self._read += data
        data = bytes(self._read[:size])
        del self._read[:size]
        return data

    async def head(self) -> bytes:
        """The server's answer to a handshake, without its empty line."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await self.exactly(1)
        return head[:-4]

    async def rest(self) -> bytes:
        """Everything up to the end of the stream, which must be an orderly one."""
        data = bytes(self._read)
        while more := await self.stream.receive_some(65536):
            data += more
        return data

    async def frame(self) -> Frame:
        """(opcode, payload) of one frame, which must be final, unmasked and plain."""
        first, length = await self.exactly(2)
        assert first & 0xF0 == FINAL
        assert length < 0x80
        if length > 125:
            length = int.from_bytes(await self.exactly(2 if length == 126 else 8), "big")
        return first & 0x0F, await self.exactly(length)

    async def frames(self) -> list[Frame]:
        """All frames up to the end of the stream, which must be an orderly one."""
        found = []
        while self._read or await self._has_more():
            found.append(await self.frame())
        return found

    async def _has_more(self) -> bool:
        self._read += await self.stream.receive_some(65536)
        return bool(self._read)


@dataclass
class Server:
    reactor: Reactor
    port: int

    async def call(self) -> Client:
        """A TCP connection, no more."""
        return Client(await trio.open_tcp_stream("127.0.0.1", self.port))

    async def connect(self, handshake: bytes = HANDSHAKE) -> Client:
        client = await self.call()
        await client.send(handshake)
        assert (await client.head()).startswith(b"HTTP/1.1 101 ")
        return client


@asynccontextmanager
async def serving(
    application: Application,
    limits: SocketLimits | None = None,
    allowed_origins: frozenset[str] | None = None,
) -> AsyncIterator[Server]:
    listener = listen("127.0.0.1", 0, reuse_port=False)
    reactor = Reactor(application, limits=limits or SocketLimits(), allowed_origins=allowed_origins)
    async with trio.open_nursery() as nursery:
        await nursery.start(reactor.serve, listener)
        yield Server(reactor, listener.getsockname()[1])
        nursery.cancel_scope.cancel()


async def eventually(is_so: Callable[[], object], seconds: float = 10.0) -> None:
    """Lets the others run until `is_so()`."""
    with trio.fail_after(seconds):
        while not is_so():
            await trio.lowlevel.checkpoint()
