"""The load generator's parts: framing, the schedule, percentiles, and the words of each server."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.load.dialects import DIALECTS, FIRST_ID, OTHER, READY, Kind, client_number
from bench.load.orders import DialectName, Person
from bench.load.schedule import Schedule
from bench.load.spread import NEVER_MS, percentile, spread_of
from bench.load.websocket import PING, TEXT, Frames, WebSocketFault, client_frame
from realtime import frames, wire
from realtime.parser import Parser
from realtime.socket_limits import SocketLimits
from storage.errors import TooManyRequests
from storage.journal import Entry

ANA = Person(token="a token", conversation_id="01900000-0000-7000-8000-000000000001")
LENGTHS = (0, 1, 125, 126, 65_535, 65_536)


@pytest.mark.parametrize("length", LENGTHS)
def test_what_it_sends_is_read_as_it_was_meant(length: int) -> None:
    parser = Parser(SocketLimits.wide())
    assert list(parser.receive(client_frame(b"a" * length))) == [(TEXT, b"a" * length)]


@given(st.lists(st.sampled_from(LENGTHS), max_size=5), st.lists(st.integers(1, 70_000)))
def test_what_it_receives_is_read_however_it_is_cut(lengths: list[int], cuts: list[int]) -> None:
    sent = [(TEXT, b"b" * length) for length in lengths] + [(PING, b"ping")]
    data = b"".join(frames.frame(payload, opcode) for opcode, payload in sent)
    reader, heard = Frames(), []
    for cut in (*cuts, len(data)):
        part, data = data[:cut], data[cut:]
        heard += list(reader.feed(part))
    assert heard == sent


@pytest.mark.parametrize("wrong", [client_frame(b"masked"), b"\x01\x01a"])
def test_it_says_so_when_it_does_not_understand(wrong: bytes) -> None:
    with pytest.raises(WebSocketFault):
        list(Frames().feed(wrong))


def test_each_message_has_its_time_whatever_became_of_those_before() -> None:
    schedule = Schedule(first=100, begin_ns=5_000, rate=4.0, lead_in_seconds=0.5, seconds=2.0)
    assert [schedule.due_ns(number) for number in (100, 101, 109)] == [
        5_000,
        250_005_000,
        2_250_005_000,
    ]
    assert (schedule.measured_from, schedule.end) == (102, 110)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    hundred = list(range(1, 101))
    assert [percentile(hundred, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([7], 0.99) == 7
    assert percentile([1, 2, 3], 0.5) == 2


def test_one_slow_message_of_a_hundred_does_not_move_the_p99_and_two_do() -> None:
    one = spread_of([1_000_000] * 99 + [90_000_000])
    assert (one.p50, one.p99, one.max) == (1.0, 1.0, 90.0)
    assert spread_of([1_000_000] * 98 + [90_000_000] * 2).p99 == 90.0


def test_nothing_that_came_is_worse_than_anything_that_did() -> None:
    assert spread_of([]).p50 == NEVER_MS


@pytest.mark.parametrize("name", ["loopync", "socketio"])
def test_every_message_of_a_person_is_as_long_as_the_first(name: DialectName) -> None:
    template = DIALECTS[name].framed_template(ANA)
    parser = Parser(SocketLimits.wide())
    for number in (0, 7, 123_456_789):
        data = template % (FIRST_ID + number, client_number(number), number)
        [(opcode, payload)] = parser.receive(data)
        assert opcode == TEXT
        said = json.loads(payload[payload.index(b'{"conversationId"') :].rstrip(b"]}") + b"}")
        assert said["conversationId"] == ANA.conversation_id
        assert int(said["text"][:10]) == number
        assert UUID(said["clientId"])


@given(st.sets(st.integers(0, 10**9), max_size=100))
def test_no_two_messages_have_one_client_id(numbers: set[int]) -> None:
    assert len({client_number(number) for number in numbers}) == len(numbers)


def test_it_reads_what_loopync_says() -> None:
    read = DIALECTS["loopync"].read
    topic = f"conversation:{ANA.conversation_id}"
    body = b'{"id":"x","conversationId":"y","seq":12,"senderId":"z","text":"0000000042 Hello"}'
    push = wire.push(Entry(topic=topic, seq=40, kind="new_message", body=body)).others
    added = wire.push(Entry(topic=topic, seq=41, kind="member_added", body=b"{}")).others
    told = [
        (wire.reply([FIRST_ID + 42], {"seq": 12}), (Kind.ACK, 42, 0)),
        (wire.refusal_reply([FIRST_ID + 42], TooManyRequests("a", "b")), (Kind.REFUSED, 42, 0)),
        (push, (Kind.PUSH, 42, 12)),
        (added, OTHER),
        (frames.frame(b'{"id":1,"event":"connected","success":true,"data":{}}'), OTHER),
        (wire.caught_up({topic: 3}), READY),
    ]
    for data, meant in told:
        [(_opcode, payload)] = Frames().feed(data)
        assert read(payload) == meant


def test_it_reads_what_python_socketio_says() -> None:
    read = DIALECTS["socketio"].read
    assert read(b'0{"sid":"x","pingInterval":25000}') == OTHER
    assert read(b'40{"sid":"y"}') == READY
    assert read(b'431000000042[{"id":"x","seq":12}]') == (Kind.ACK, 42, 0)
    assert read(b'431000000042[{"error":"text"}]') == (Kind.REFUSED, 42, 0)
    push = b'42["new_message",{"id":"x","seq":12,"text":"0000000042 Hello","createdAt":"z"}]'
    assert read(push) == (Kind.PUSH, 42, 0)
    assert DIALECTS["socketio"].answers[b"2"] == b"3"
