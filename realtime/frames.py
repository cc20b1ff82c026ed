"""The words of RFC 6455 framing: opcodes, faults, and the frames this server sends."""

import sys
from collections.abc import Callable
from typing import Final

from realtime.disconnects import INVALID_TEXT, PROTOCOL_ERROR, Disconnect

CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10
CONTROL_BYTES_MAX: Final = 125
# What a close frame may carry; 1005, 1006 and 1015 exist only inside programs.
CLOSE_CODES: Final = frozenset((*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)))


class Fault(Exception):
    """The client broke the protocol: close with `disconnect`, and read no further."""

    def __init__(self, disconnect: Disconnect) -> None:
        super().__init__(f"{disconnect.code} {disconnect.reason}")
        self.disconnect = disconnect


def protocol_fault(reason: str) -> Fault:
    return Fault(Disconnect(PROTOCOL_ERROR.code, reason, come_back=True))


def apply_mask_slowly(data: bytes, mask: bytes) -> bytes:
    """XOR `data` with `mask` (4 bytes) repeated: the fallback where no C is at hand."""
    repeated = mask * (len(data) // 4 + 1)
    number = int.from_bytes(data, sys.byteorder)
    number ^= int.from_bytes(repeated[: len(data)], sys.byteorder)
    return number.to_bytes(len(data), sys.byteorder)


apply_mask: Callable[[bytes, bytes], bytes]
try:
    from websockets.speedups import apply_mask as apply_mask_quickly
except ImportError:  # A platform without the compiled wheel.
    apply_mask = apply_mask_slowly
else:
    apply_mask = apply_mask_quickly


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One final, unmasked frame: encoded once, and the same bytes for everyone."""
    length = len(payload)
    if length < 126:
        return bytes((0x80 | opcode, length)) + payload
    if length < 65536:
        return bytes((0x80 | opcode, 126)) + length.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + length.to_bytes(8, "big") + payload


def close_frame(disconnect: Disconnect) -> bytes:
    return frame(disconnect.code.to_bytes(2, "big") + disconnect.reason.encode(), CLOSE)


def check_close(payload: bytes) -> None:
    """Raises Fault unless `payload` is what a close frame may carry: nothing, or code + UTF-8."""
    if not payload:
        return
    if len(payload) == 1:
        raise protocol_fault("half_a_close_code")
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise Fault(INVALID_TEXT) from None
    if int.from_bytes(payload[:2], "big") not in CLOSE_CODES:
        raise protocol_fault("invalid_close_code")
