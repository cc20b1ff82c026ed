"""Any stream of frames, right or wrong, cut anywhere, means what `websockets` says it means."""

import itertools
import os
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable
from dataclasses import replace
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from realtime.frames import BINARY, CLOSE, PING, PONG, TEXT, Fault, apply_mask, apply_mask_slowly
from realtime.parser import Parser
from realtime.socket_limits import SocketLimits
from tests.realtime.socket.wire import fragments, goodbye, masked

EXAMPLES = round(400 * float(os.environ.get("LOOPYNC_TEST_SCALE", "1")))
LIMITS = SocketLimits.wide()
Event = tuple[int, bytes]
Meaning = tuple[list[Event], int | None]
"""What a stream says, and the code with which it is refused (None: not yet, or never)."""


def ours(pieces: Iterable[bytes], limits: SocketLimits = LIMITS) -> Meaning:
    parser = Parser(limits)
    events: list[Event] = []
    try:
        for piece in pieces:
            for event in parser.receive(piece):
                events.append(event)
                if event[0] == CLOSE:
                    return events, None
    except Fault as fault:
        return events, fault.disconnect.code
    return events, None


class Oracle:
    """`websockets` frame by frame, with messages joined and text checked as RFC 6455 says.

    It differs from ours in one place on purpose: it refuses a close in the middle of a message,
    which the RFC allows (5.4: control frames may be injected there).
    """

    def __init__(self) -> None:
        self._protocol = ServerProtocol(state=OPEN, max_size=None)
        self._decoder = getincrementaldecoder("utf-8")()
        self._opcode: int | None = None
        self._message = b""
        self.events: list[Event] = []
        self.code: int | None = None
        self.is_over = False

    def receive(self, data: bytes) -> None:
        if self.is_over:
            return
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            assert isinstance(event, Frame)
            if not self._go_on(event.opcode, bytes(event.data), event.fin):
                self.is_over = True
                return
        error = self._protocol.parser_exc
        if error is not None:
            self.is_over = True
            if str(error) == "incomplete fragmented message":
                self.events.append((CLOSE, close_payload(self._protocol)))
            else:
                assert self._protocol.close_sent is not None
                self.code = self._protocol.close_sent.code

    def _go_on(self, opcode: Opcode, data: bytes, is_final: bool) -> bool:
        if opcode >= CLOSE:
            self.events.append((opcode, data))
            return opcode != CLOSE
        self._opcode = self._opcode or opcode
        self._message += data
        if self._opcode == TEXT:
            try:
                self._decoder.decode(data, is_final)
            except UnicodeDecodeError:
                self.code = 1007
                return False
        if is_final:
            self.events.append((self._opcode, self._message))
            self._opcode, self._message = None, b""
        return True


def close_payload(protocol: ServerProtocol) -> bytes:
    assert protocol.close_rcvd is not None
    if protocol.close_rcvd.code == 1005:
        return b""
    return protocol.close_rcvd.code.to_bytes(2, "big") + protocol.close_rcvd.reason.encode()


def agrees(data: bytes, cuts: Iterable[int]) -> bool:
    """Whether we and the oracle give a stream one meaning, however it is cut."""
    oracle = Oracle()
    oracle.receive(data)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    events, code = ours(data[a:b] for a, b in itertools.pairwise(edges))
    if code is not None and not oracle.is_over:
        # We refuse in the middle of a frame what the oracle refuses at its end: let it come.
        for _ in range(70):
            oracle.receive(bytes(1024))
        if not oracle.is_over:
            return events == oracle.events  # It waits for exabytes.
    return (events, code) == (oracle.events, oracle.code)


texts = st.text(max_size=40).map(str.encode)
payloads = st.one_of(texts, st.binary(max_size=140), st.just(b"x" * 126))
masks = st.binary(min_size=4, max_size=4)
opcodes = st.sampled_from([TEXT, TEXT, BINARY, 0, 0, PING, PONG, CLOSE, 3, 11])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A right one: in fragments, perhaps with control frames between them."""
    opcode = draw(st.sampled_from([TEXT, BINARY]))
    payload = draw(texts if opcode == TEXT else payloads)
    size = draw(st.sampled_from([1, 2, 3, 7, 1000]))
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    stream = b""
    for index, piece in enumerate(pieces):
        is_last = index == len(pieces) - 1
        stream += masked(piece, 0 if index else opcode, final=is_last, mask=draw(masks))
        if draw(st.integers(0, 9)) == 0:
            stream += masked(draw(st.binary(max_size=125)), draw(st.sampled_from([PING, PONG])))
    return stream


@st.composite
def odd_frames(draw: st.DrawFn) -> bytes:
    """One that is likely to be wrong."""
    return masked(
        draw(payloads),
        draw(opcodes),
        length_bytes=draw(st.sampled_from([None, 2, 8])),
        final=draw(st.booleans()),
        reserved=draw(st.sampled_from([0, 0, 0, 0x10, 0x20, 0x40])),
        mask=draw(masks),
    )


closes = st.builds(goodbye, st.none() | st.integers(990, 1020) | st.integers(0, 65535), texts)
streams = st.lists(
    st.one_of(messages(), messages(), odd_frames(), closes, st.binary(max_size=30)), max_size=6
).map(b"".join)
cuts = st.lists(st.integers(min_value=0, max_value=1 << 20), max_size=12)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A stream with a few of its bytes changed."""
    stream = bytearray(draw(streams))
    for _ in range(draw(st.integers(0, 3))):
        if stream:
            stream[draw(st.integers(0, len(stream) - 1))] = draw(st.integers(0, 255))
    return bytes(stream)


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(mutated(), cuts)
def test_a_stream_means_what_the_oracle_says(data: bytes, cuts: list[int]) -> None:
    assert agrees(data, cuts)


def without_turning(parser: Parser, masked_bytes: bytes) -> None:
    """Parser._take that begins each read with the first byte of the mask."""
    mask = parser._mask
    take(parser, masked_bytes)
    parser._mask = mask


def late(parser: Parser, payload: bytes, *, whole: bool) -> None:
    """Parser._check_text that looks only at what ends a message."""
    if whole:
        check_text(parser, payload, whole=whole)


def strict(parser: Parser, payload: bytes, *, whole: bool) -> None:
    """Parser._check_text that wants every frame to end with a whole character."""
    check_text(parser, payload, whole=True)


take, check_text = Parser._take, Parser._check_text


@pytest.mark.parametrize(
    ("name", "broken"),
    [("_take", without_turning), ("_check_text", late), ("_check_text", strict)],
)
def test_the_property_catches_a_planted_bug(name: str, broken: Callable[..., None]) -> None:
    with mock.patch.object(Parser, name, broken):
        find(
            st.tuples(mutated(), cuts),
            lambda found: not agrees(*found),
            settings=settings(
                max_examples=5000,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_exactly_what_could_become_text_is_waited_for() -> None:
    """Over every sequence that could be the beginning of one character."""
    beginnings = {
        chr(point).encode()[:size]
        for point in (*range(0x80, 0xD800), *range(0xE000, 0x110000))
        for size in range(1, 4)
    }
    # Where one range of the grammar ends, and the next begins (RFC 3629, section 4).
    lasts = [bytes((n,)) for n in b"\x00\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc2\xf4\xf5\xff"]
    for known in [b"", *(b for b in beginnings if len(b) < 3 and is_unfinished(b))]:
        for last in lasts:
            events, code = ours([masked(known + last + b"....", final=False)[:-4]])
            could = known + last in beginnings or (not known and last < b"\x80")
            assert (events, code) == ([], None if could else 1007), known + last


def is_unfinished(text: bytes) -> bool:
    return not text.decode(errors="ignore")


@pytest.mark.parametrize(
    ("limits", "stream", "code"),
    [
        (replace(LIMITS, frame_bytes_max=10), masked(b"*" * 10), None),
        (replace(LIMITS, frame_bytes_max=10), masked(b"*" * 11)[:2], 1009),
        (replace(LIMITS, frame_bytes_max=10), masked(b"*" * 11, PING), None),
        (replace(LIMITS, message_bytes_max=10), fragments(b"*" * 10, 3), None),
        (replace(LIMITS, message_bytes_max=10), fragments(b"*" * 11, 3), 1009),
        (replace(LIMITS, fragments_max=3), fragments(b"***", 1), None),
        (replace(LIMITS, fragments_max=3), fragments(b"****", 1), 1008),
        (replace(LIMITS, fragments_max=3), fragments(b"***", 1) * 9, None),
    ],
)
def test_what_is_over_a_limit_is_refused(
    limits: SocketLimits, stream: bytes, code: int | None
) -> None:
    assert ours([stream], limits)[1] == code


@given(st.binary(max_size=1000), masks)
def test_both_ways_to_mask_are_one(data: bytes, mask: bytes) -> None:
    assert apply_mask(data, mask) == apply_mask_slowly(data, mask)
    assert apply_mask(apply_mask(data, mask), mask) == data
