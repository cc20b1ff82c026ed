"""How requests are read and answers are worded, with whatever a client may send."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime import wire
from realtime.wire import Unreadable
from storage.domains.messaging import MarkRead
from storage.errors import InvalidInput, TooManyRequests
from tests.realtime.fakes import payloads

POISON = [
    b"",
    b"not json",
    b"[]",
    b"null",
    b"7",
    b'{"id":1}',
    b'{"id":0,"event":"ping","data":{}}',
    b'{"id":-1,"event":"ping"}',
    b'{"id":1.5,"event":"ping"}',
    b'{"id":true,"event":"ping"}',
    b'{"id":"1","event":"ping"}',
    b'{"id":9007199254740992,"event":"ping"}',
    b'{"id":1,"event":7}',
    b'{"id":1,"event":"ping","data":{},"more":1}',
    b'{"id":1,"event":"ping","data":{"a":1}',
    b'{"id":1,"event":"ping","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"id":1,"event":"' + b"e" * 65 + b'"}',
    b'{"id":1,"event":"\\ud800"}',
    b'{"id":1' + b"0" * 5000 + b',"event":"ping"}',
]


@pytest.mark.parametrize("payload", POISON, ids=range(len(POISON)))
def test_poison_is_refused_and_never_breaks(payload: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        wire.read_request(payload)
    assert caught.value.refusal.code == "invalid_input"
    assert not caught.value.refusal.retry


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_a_request_or_a_refusal(payload: bytes) -> None:
    try:
        request = wire.read_request(payload)
    except Unreadable:
        return
    assert request.id > 0


def test_a_refused_frame_is_answered_under_its_id_where_it_has_one() -> None:
    with pytest.raises(Unreadable) as caught:
        wire.read_request(b'{"id":7,"event":1}')
    assert caught.value.request_id == 7
    assert caught.value.refusal.subject == "event"
    with pytest.raises(Unreadable) as caught:
        wire.read_request(b'{"id":"x","event":"ping"}')
    assert caught.value.request_id is None


@pytest.mark.parametrize(
    ("data", "subject"),
    [
        (b"{}", "conversationId"),
        (b'{"conversationId":"x","seq":1}', "conversationId"),
        (b'{"conversationId":"01a1fb73-630c-74f6-84e1-c23d3a1d2d91","seq":"1"}', "seq"),
        (b'{"conversationId":"01a1fb73-630c-74f6-84e1-c23d3a1d2d91","seq":0}', "seq"),
        (b'{"conversationId":"01a1fb73-630c-74f6-84e1-c23d3a1d2d91","seq":1,"sec":1}', "sec"),
        (b"[]", "data"),
        (b"nonsense", "data"),
    ],
)
def test_the_field_at_fault_is_named(data: bytes, subject: str) -> None:
    decoder = msgspec.json.Decoder(MarkRead)
    with pytest.raises(InvalidInput) as caught:
        wire.read_body(decoder, msgspec.Raw(data))
    assert caught.value.subject == subject


def test_one_answer_goes_to_all_who_asked() -> None:
    assert payloads(wire.reply([3, 5], {"readSeq": 9})) == [
        {"id": 3, "success": True, "data": {"readSeq": 9}},
        {"id": 5, "success": True, "data": {"readSeq": 9}},
    ]


def test_a_refusal_says_whether_and_when_to_retry() -> None:
    refusal = TooManyRequests("requests", "fewer", retry_after_seconds=1.5)
    assert payloads(wire.refusal_reply([None], refusal)) == [
        {
            "id": None,
            "success": False,
            "error": {
                "code": "too_many_requests",
                "subject": "requests",
                "hint": "fewer",
                "retry": True,
                "retryAfter": 1.5,
            },
        }
    ]
