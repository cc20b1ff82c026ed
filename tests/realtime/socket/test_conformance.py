"""The cases of the well-known conformance suites, over real sockets, whole and in small pieces."""

from dataclasses import dataclass

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from realtime.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from realtime.socket_limits import SocketLimits
from tests.realtime.socket.wire import Client, Echo, Frame, fragments, goodbye, masked, serving

# A client may be refused while it still speaks, but nobody is ever left without an answer.
PATIENCE_SECONDS = 20
KAPPA = "κόσμε".encode()
LATE = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80\x65\x64\x69\x74\x65\x64"


@dataclass(frozen=True)
class Case:
    """What the client sends, which frames come back, and with which code the server closes."""

    name: str
    sends: bytes
    answers: tuple[Frame, ...] = ()
    code: int | None = 1000

    def __str__(self) -> str:
        return self.name


def said(name: str, sends: bytes, *answers: Frame) -> Case:
    return Case(name, sends + goodbye(), answers)


def refused(name: str, sends: bytes, *answers: Frame, code: int = 1002) -> Case:
    return Case(name, sends, answers, code)


SIZES = (0, 1, 125, 126, 127, 128, 65535, 65536)

ECHOES = [
    said(f"{kind}_of_{size}_bytes", masked(b"*" * size, opcode), (opcode, b"*" * size))
    for kind, opcode in (("text", TEXT), ("binary", BINARY))
    for size in SIZES
] + [
    said("length_said_the_long_way", masked(b"Hi", length_bytes=8), (TEXT, b"Hi")),
    said("length_said_in_16_bits", masked(b"Hi", length_bytes=2), (TEXT, b"Hi")),
]

PINGS = [
    said("empty_ping", masked(b"", PING), (PONG, b"")),
    said("ping_with_text", masked(b"Hello", PING), (PONG, b"Hello")),
    said("ping_with_bytes", masked(b"\x00\xff\xfe", PING), (PONG, b"\x00\xff\xfe")),
    said("ping_of_125_bytes", masked(b"\xfe" * 125, PING), (PONG, b"\xfe" * 125)),
    refused("ping_of_126_bytes", masked(b"\xfe" * 126, PING)),
    said("unsolicited_pong", masked(b"", PONG)),
    said("unsolicited_pong_then_ping", masked(b"a", PONG) + masked(b"b", PING), (PONG, b"b")),
    said(
        "ten_pings",
        b"".join(masked(b"payload-%d" % n, PING) for n in range(10)),
        *((PONG, b"payload-%d" % n) for n in range(10)),
    ),
]

HELLO = masked(b"Hello")
ECHO: Frame = (TEXT, b"Hello")
RESERVED = [
    refused("rsv3", masked(b"", reserved=0x10)),
    refused("rsv2_after_text", HELLO + masked(b"Hi", reserved=0x20) + masked(b"", PING), ECHO),
    refused("rsv_2_and_3", HELLO + masked(b"Hi", reserved=0x30), ECHO),
    refused("rsv1_without_an_extension", HELLO + masked(b"Hi", reserved=0x40), ECHO),
    refused("rsv_1_and_3_binary", masked(b"\x00\xff", BINARY, reserved=0x50)),
    refused("rsv_1_and_2_in_ping", masked(b"Hi", PING, reserved=0x60)),
    refused("all_rsv_in_close", masked(b"", CLOSE, reserved=0x70)),
]

OPCODES = [
    refused(f"opcode_{opcode}", HELLO + masked(payload, opcode) + masked(b"", PING), ECHO)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    for payload in (b"", b"Hello")
]


def fragment(payload: bytes, opcode: int = CONTINUATION) -> bytes:
    return masked(payload, opcode, final=False)


BEGUN = fragment(b"fragment1", TEXT)
ENDED = masked(b"fragment2", CONTINUATION)
JOINED: Frame = (TEXT, b"fragment1fragment2")
FRAGMENTS = [
    refused("fragmented_ping", fragment(b"fragment1", PING) + ENDED),
    refused("fragmented_pong", fragment(b"fragment1", PONG) + ENDED),
    said("two_fragments", BEGUN + ENDED, JOINED),
    said("ping_between", BEGUN + masked(b"ping", PING) + ENDED, (PONG, b"ping"), JOINED),
    refused("continuation_of_nothing", masked(b"non", CONTINUATION) + HELLO),
    refused("unfinished_continuation_of_nothing", fragment(b"non") + HELLO),
    refused("continuation_after_a_whole", HELLO + fragment(b"non"), ECHO),
    refused("text_inside_a_message", BEGUN + HELLO),
    refused("binary_inside_a_message", BEGUN + fragment(b"\x00", BINARY)),
    said(
        "five_fragments_with_pings",
        BEGUN
        + fragment(b"2")
        + masked(b"one", PING)
        + fragment(b"3")
        + fragment(b"4")
        + masked(b"two", PING)
        + masked(b"5", CONTINUATION),
        (PONG, b"one"),
        (PONG, b"two"),
        (TEXT, b"fragment12345"),
    ),
    said(
        "empty_fragments",
        fragment(b"", TEXT) + fragment(b"") + masked(b"", CONTINUATION),
        (TEXT, b""),
    ),
    said(
        "empty_fragments_around_text",
        fragment(b"", TEXT) + fragment(b"middle") + masked(b"", CONTINUATION),
        (TEXT, b"middle"),
    ),
    said("every_byte_a_fragment", fragments(KAPPA * 9, 1), (TEXT, KAPPA * 9)),
]

VALID_TEXTS = {
    "greek": KAPPA,
    "first_and_last_of_each_length": "\0\x7f\x80\u07ff\u0800\uffff\U00010000\U0010ffff".encode(),
    "beside_the_surrogates": "\ud7ff\ue000\ufffd".encode(),
    "noncharacters": "\ufffe\uffff\U0001fffe\U0010ffff\ufdd0".encode(),
    "nul": b"\x00",
}
INVALID_TEXTS = {
    "late": LATE,
    "lone_continuation": b"\x80",
    "continuations": b"\x80\xbf\x80",
    "start_without_continuation": b"\xc0 ",
    "cut_short_2": b"\xc3",
    "cut_short_3": b"\xe1\x80",
    "cut_short_4": b"\xf1\x80\x80",
    "impossible_fe": b"\xfe",
    "impossible_ff": b"\xff",
    "overlong_slash_2": b"\xc0\xaf",
    "overlong_slash_3": b"\xe0\x80\xaf",
    "overlong_slash_4": b"\xf0\x80\x80\xaf",
    "overlong_slash_5": b"\xf8\x80\x80\x80\xaf",
    "overlong_slash_6": b"\xfc\x80\x80\x80\x80\xaf",
    "overlong_nul": b"\xc0\x80",
    "highest_overlong_3": b"\xe0\x9f\xbf",
    "surrogate": b"\xed\xa0\x80",
    "surrogate_pair": b"\xed\xa0\x81\xed\xb0\x80",
    "above_unicode": b"\xf4\x90\x80\x80",
    "five_bytes": b"\xf8\x88\x80\x80\x80",
}
TEXTS = [
    *(said(f"text_{name}", masked(text), (TEXT, text)) for name, text in VALID_TEXTS.items()),
    *(
        said(f"text_{name}_byte_by_byte", fragments(text, 1), (TEXT, text))
        for name, text in VALID_TEXTS.items()
    ),
    *(refused(f"text_{name}", masked(t), code=1007) for name, t in INVALID_TEXTS.items()),
    *(
        refused(f"text_{name}_byte_by_byte", fragments(t, 1), code=1007)
        for name, t in INVALID_TEXTS.items()
    ),
    said("binary_need_not_be_text", masked(LATE, BINARY), (BINARY, LATE)),
]

CLOSES = [
    said("close", b""),
    said("text_then_close", HELLO, ECHO),
    Case("close_without_a_code", goodbye(None), code=None),
    Case("two_closes", goodbye() + goodbye(), code=1000),
    Case("ping_after_close", goodbye() + masked(b"", PING), code=1000),
    Case("text_after_close", goodbye() + HELLO, code=1000),
    Case("close_inside_a_message", BEGUN + goodbye() + ENDED, code=1000),
    said("much_then_close", masked(b"*" * 262144) + HELLO, (TEXT, b"*" * 262144), ECHO),
    refused("close_of_one_byte", masked(b"\x03", CLOSE)),
    Case("close_with_a_reason", goodbye(1000, b"Hello World!"), code=1000),
    Case("close_with_the_longest_reason", goodbye(1000, b"*" * 123), code=1000),
    refused("close_with_a_reason_too_long", goodbye(1000, b"*" * 124)),
    refused("close_with_a_reason_that_is_no_text", goodbye(1000, LATE), code=1007),
    *(
        Case(f"close_{code}", goodbye(code, b"why"), code=code)
        for code in (*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999)
    ),
    *(
        refused(f"close_{code}", goodbye(code, b"why"))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    ),
]

FRAMING = [
    refused("unmasked", b"\x81\x05Hello"),
    refused("unmasked_ping", b"\x89\x00"),
    refused("length_above_63_bits", b"\x82\xff" + b"\xff" * 8),
    refused("more_than_a_message_may_have", b"\x82\xff" + (1 << 40).to_bytes(8, "big"), code=1009),
]

CASES = ECHOES + PINGS + RESERVED + OPCODES + FRAGMENTS + TEXTS + CLOSES + FRAMING


async def ends_as_expected(client: Client, case: Case) -> None:
    close = b"" if case.code is None else case.code.to_bytes(2, "big")
    *answers, (opcode, payload) = await client.frames()
    assert tuple(answers) == case.answers
    assert opcode == CLOSE
    assert payload[:2] == close


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_every_case_ends_as_the_rfc_says_and_cleanly(case: Case) -> None:
    async with serving(Echo(), SocketLimits.wide()) as server:
        for chop_bytes in (len(case.sends), 1):
            if chop_bytes == 1 and len(case.sends) > 2000:
                continue
            client = await server.connect()
            with trio.fail_after(PATIENCE_SECONDS):
                async with client.stream, trio.open_nursery() as nursery:
                    nursery.start_soon(send_chopped, client, case.sends, chop_bytes)
                    await ends_as_expected(client, case)
                    nursery.cancel_scope.cancel()


async def send_chopped(client: Client, data: bytes, size: int) -> None:
    """A server that has refused is done with us, but must never reset us: no error is caught."""
    for at in range(0, len(data), size):
        await client.send(data[at : at + size])


@pytest.mark.parametrize(
    ("before", "impossible"),
    [
        (KAPPA, b"\xf4\x90"),
        (KAPPA, b"\xed\xa0"),
        (b"", b"\xc0"),
        (KAPPA, b"\xe0\x80"),
        (b"*" * 70000, b"\xff"),
    ],
)
async def test_text_is_refused_at_its_first_impossible_byte(
    before: bytes, impossible: bytes
) -> None:
    """Neither the frame nor the message has to end for it."""
    frame = masked(before + impossible + b"*" * 10, TEXT, final=False)
    echo = Echo()
    async with serving(echo, SocketLimits.wide()) as server:
        client = await server.connect()
        async with client.stream:
            await client.send(frame[:-11])
            await wait_all_tasks_blocked()
            assert echo.connections[0].open, "so far it may still become text"
            await client.send(frame[-11:-10])
            with trio.fail_after(PATIENCE_SECONDS):
                assert await client.frames() == [(CLOSE, b"\x03\xefinvalid_text")]


@pytest.mark.parametrize("size", [64, 4096, 65536, 4 << 20])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_four_mebibytes_come_back_in_whatever_fragments(size: int, opcode: int) -> None:
    await echoes(fragments(b"x" * (4 << 20), size, opcode), (opcode, b"x" * (4 << 20)))


async def test_the_largest_message_comes_back() -> None:
    payload = b"y" * (64 << 20)
    await echoes(masked(payload, BINARY), (BINARY, payload))


async def test_a_message_chopped_by_tcp_comes_back() -> None:
    """Also when every read ends inside of a character."""
    payload = "ä".encode() * (128 << 10)
    await echoes(masked(payload), (TEXT, payload), chop_bytes=997)


async def echoes(data: bytes, expected: Frame, chop_bytes: int = 1 << 20) -> None:
    async with serving(Echo(), SocketLimits.wide()) as server:
        client = await server.connect()
        with trio.fail_after(PATIENCE_SECONDS):
            async with client.stream, trio.open_nursery() as nursery:
                nursery.start_soon(send_chopped, client, data, chop_bytes)
                assert await client.frame() == expected


async def test_a_client_that_reads_only_at_the_end_gets_everything() -> None:
    """More than the sockets hold: the server must not wait for it, nor it for the server."""
    message = masked(b"z" * (1 << 20), BINARY)
    async with serving(Echo(), SocketLimits.wide()) as server:
        client = await server.connect()
        with trio.fail_after(PATIENCE_SECONDS):
            async with client.stream:
                for _ in range(32):
                    await client.send(message)
                await client.send(goodbye())
                *answers, (opcode, _close) = await client.frames()
    assert answers == [(BINARY, b"z" * (1 << 20))] * 32
    assert opcode == CLOSE
