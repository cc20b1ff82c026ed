"""Bytes of one client to messages, without I/O (RFC 6455, the server's side).

Everything is refused at the first byte that makes it impossible, also in the middle of a frame:
a client that sends 64 MiB of wrong text hears of it at once, and we have not kept it.
"""

from codecs import utf_8_decode
from collections.abc import Iterator

from realtime.disconnects import INVALID_TEXT, POLICY_VIOLATION, TOO_LARGE, Disconnect
from realtime.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    CONTROL_BYTES_MAX,
    PONG,
    TEXT,
    Fault,
    apply_mask,
    check_close,
    protocol_fault,
)
from realtime.socket_limits import SocketLimits

FINAL = 0x80
RESERVED = 0x70
MASKED = 0x80
WHOLE_TEXT = FINAL | TEXT
WHOLE_BINARY = FINAL | BINARY
TOO_MANY_FRAGMENTS = Disconnect(POLICY_VIOLATION.code, "too_many_fragments", come_back=False)


class Parser:
    """`receive(data)` gives (opcode, payload) of whole messages and control frames, in order."""

    __slots__ = (
        "_final",
        "_fragments",
        "_kind",
        "_left",
        "_limits",
        "_mask",
        "_message",
        "_rest",
        "_tail",
    )

    def __init__(self, limits: SocketLimits) -> None:
        self._limits = limits
        # Bytes of a frame's head, or of a control frame, that is not yet whole.
        self._rest = b""
        # The message that is arriving: TEXT or BINARY (0: none), its payload so far, its frames,
        # and the bytes of a character that is not yet whole.
        self._kind = 0
        self._message = bytearray()
        self._fragments = 0
        self._tail = b""
        # The frame of it that is arriving: payload bytes still to come, the mask turned to the
        # next of them, and whether the message ends with it.
        self._left = 0
        self._mask = b""
        self._final = False

    @property
    def held_bytes(self) -> int:
        """Payload of the message that is still arriving."""
        return len(self._message)

    def receive(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Lazily, so that a caller may pause between two messages of one read; it must take
        everything before it passes in more. TEXT is valid UTF-8. What follows a CLOSE is ignored.

        Raises Fault after what came before it; the parser is of no use then.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        end = len(data)
        position = 0
        if self._left:
            position = min(self._left, end)
            self._take(data[:position])
            if self._left:
                return
            if self._final:
                yield self._finish()
        while end - position >= 2:
            first = data[position]
            length = data[position + 1] - MASKED
            if length < 0:
                raise protocol_fault("unmasked")
            if self._kind or (first != WHOLE_TEXT and first != WHOLE_BINARY):
                self._check_head(first)
            body = position + 6
            if length > CONTROL_BYTES_MAX:
                body += 2 if length == 126 else 8
                if body - 4 > end:
                    break
                length = int.from_bytes(data[position + 2 : body - 4], "big")
                if length >> 63:
                    raise protocol_fault("negative_length")
            opcode = first & 0x0F
            if opcode < CLOSE:
                self._check_limits(opcode, length)
            elif length > CONTROL_BYTES_MAX:
                raise protocol_fault("long_control_frame")
            if body > end:
                break
            stop = body + length
            mask = data[body - 4 : body]

            if opcode >= CLOSE:
                if stop > end:
                    break
                payload = apply_mask(data[body:stop], mask)
                position = stop
                if opcode == CLOSE:
                    check_close(payload)
                    yield opcode, payload
                    return
                yield opcode, payload
            elif stop <= end and opcode and first & FINAL:
                payload = apply_mask(data[body:stop], mask)
                if opcode == TEXT and not payload.isascii():
                    self._check_text(payload, whole=True)
                position = stop
                yield opcode, payload
            else:
                self._kind = opcode or self._kind
                self._fragments += 1
                self._final = first >= FINAL
                self._left = length
                self._mask = mask
                position = min(stop, end)
                self._take(data[body:position])
                if self._left:
                    return
                if self._final:
                    yield self._finish()
        self._rest = data[position:]

    def _check_head(self, first: int) -> None:
        opcode = first & 0x0F
        if first & RESERVED:
            raise protocol_fault("reserved_bits")
        if opcode >= CLOSE:
            if opcode > PONG:
                raise protocol_fault("unknown_opcode")
            if first < FINAL:
                raise protocol_fault("fragmented_control_frame")
        elif opcode > BINARY:
            raise protocol_fault("unknown_opcode")
        elif opcode == CONTINUATION and not self._kind:
            raise protocol_fault("nothing_to_continue")
        elif opcode != CONTINUATION and self._kind:
            raise protocol_fault("continuation_expected")

    def _check_limits(self, opcode: int, length: int) -> None:
        limits = self._limits
        if length > limits.frame_bytes_max or (
            length + len(self._message) > limits.message_bytes_max
        ):
            raise Fault(TOO_LARGE)
        if opcode == CONTINUATION and self._fragments >= limits.fragments_max:
            raise Fault(TOO_MANY_FRAGMENTS)

    def _take(self, masked: bytes) -> None:
        """Part of a message's payload, as far as it has come."""
        payload = apply_mask(masked, self._mask)
        self._left -= len(payload)
        turn = len(payload) % 4
        if turn and self._left:
            self._mask = self._mask[turn:] + self._mask[:turn]
        if self._kind == TEXT:
            self._check_text(payload, whole=self._final and not self._left)
        self._message += payload

    def _check_text(self, payload: bytes, *, whole: bool) -> None:
        """CPython's decoder stops at the first byte that no text could have there, but for one
        case: it waits for the third byte of a surrogate, which UTF-8 does not have."""
        if self._tail:
            payload = self._tail + payload
        elif payload.isascii():
            return
        try:
            _text, used_bytes = utf_8_decode(payload, "strict", whole)
        except UnicodeDecodeError:
            raise Fault(INVALID_TEXT) from None
        self._tail = payload[used_bytes:]
        if self._tail[:1] == b"\xed" and self._tail[1:] >= b"\xa0":
            raise Fault(INVALID_TEXT)

    def _finish(self) -> tuple[int, bytes]:
        kind, payload = self._kind, bytes(self._message)
        self._kind = self._fragments = 0
        self._message = bytearray()
        return kind, payload
