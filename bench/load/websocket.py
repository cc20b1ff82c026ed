"""As much of RFC 6455 as a client needs that trusts its server: framing without I/O."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator

TEXT = 0x1
CLOSE = 0x8
PING = 0x9
PONG = 0xA
FIN = 0x80
MASKED = 0x80
NO_MASK = bytes(4)
"""A legal key that changes nothing, so that masking costs the generator nothing."""

HEAD_END = b"\r\n\r\n"
HEAD_BYTES_MAX = 16 * 1024


class WebSocketFault(Exception):
    """The other side said something that the generator does not understand."""


def handshake(host: str, port: int, path: str, origin: str) -> bytes:
    key = b64encode(os.urandom(16)).decode()
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        f"Origin: {origin}",
    )
    return "\r\n".join(lines).encode() + HEAD_END


def client_head(length: int, opcode: int = TEXT) -> bytes:
    """What stands before a payload of `length` bytes."""
    first = FIN | opcode
    if length < 126:
        return bytes((first, MASKED | length)) + NO_MASK
    if length < 1 << 16:
        return bytes((first, MASKED | 126)) + length.to_bytes(2, "big") + NO_MASK
    return bytes((first, MASKED | 127)) + length.to_bytes(8, "big") + NO_MASK


def client_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    return client_head(len(payload), opcode) + payload


class Frames:
    """A server's bytes to (opcode, payload), as they become whole."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, received: bytes) -> Iterator[tuple[int, bytes]]:
        """To be read to its end. Raises WebSocketFault at a fragment or a masked frame."""
        data = self._rest + received if self._rest else received
        at, end = 0, len(data)
        while end - at >= 2:
            first, length = data[at], data[at + 1]
            begin = at + 2
            if length == 126:
                begin = at + 4
                length = int.from_bytes(data[at + 2 : begin], "big")
            elif length == 127:
                begin = at + 10
                length = int.from_bytes(data[at + 2 : begin], "big")
            elif length > 127:
                raise WebSocketFault("the server masks")
            if begin + length > end:
                break
            if not first & FIN:
                raise WebSocketFault("the server fragments")
            at = begin + length
            yield first & 0x0F, data[begin:at]
        self._rest = data[at:]
