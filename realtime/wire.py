"""How requests, replies and pushes are spelt on the socket.

Frames out are joined from parts that were encoded once: a push is the same bytes for every
listener, except where something in it is for its author alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from realtime.frames import frame
from storage.decoding import UNREADABLE, refusal_of
from storage.errors import Refusal
from storage.ids import SessionId, UserId
from storage.journal import Entry
from storage.words import Words, encode_json

T = TypeVar("T")

ID_MAX = 2**53 - 1
EVENT_CHARACTERS_MAX = 64

RequestId = Annotated[int, msgspec.Meta(ge=1, le=ID_MAX)]


class Request(msgspec.Struct, forbid_unknown_fields=True):
    id: RequestId
    event: Annotated[str, msgspec.Meta(max_length=EVENT_CHARACTERS_MAX)]
    data: msgspec.Raw = msgspec.Raw(b"{}")


class Unreadable(Exception):
    """A frame that is no request. `request_id` is None when not even that could be read."""

    def __init__(self, request_id: int | None, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.request_id = request_id
        self.refusal = refusal


class _OnlyId(msgspec.Struct):
    id: RequestId


_request = msgspec.json.Decoder(Request)
_only_id = msgspec.json.Decoder(_OnlyId)


def read_request(payload: bytes) -> Request:
    """Raises Unreadable."""
    try:
        return _request.decode(payload)
    except UNREADABLE as error:
        try:
            request_id = _only_id.decode(payload).id
        except UNREADABLE:
            request_id = None
        raise Unreadable(request_id, refusal_of(error, "frame")) from None


def read_body(decoder: msgspec.json.Decoder[T], data: msgspec.Raw) -> T:
    """Raises InvalidInput, whose subject is the field at fault."""
    try:
        return decoder.decode(data)
    except UNREADABLE as error:
        raise refusal_of(error, "data") from None


# ---- replies


def reply(request_ids: Iterable[int], result: Any) -> bytes:
    """The same answer to one request, or to several that were performed as one."""
    data = encode_json(result)
    return b"".join(
        frame(b'{"id":%d,"success":true,"data":%b}' % (request_id, data))
        for request_id in request_ids
    )


def refusal_reply(request_ids: Iterable[int | None], refusal: Refusal) -> bytes:
    error = encode_json(refusal.body())
    return b"".join(
        frame(b'{"id":%b,"success":false,"error":%b}' % (encode_json(request_id), error))
        for request_id in request_ids
    )


class Connected(Words):
    """Who the connection is, from now on."""

    socket_id: UUID
    user_id: UserId
    session_id: SessionId
    ping_seconds: float


def connected(request_id: int, data: Connected) -> bytes:
    head = b'{"id":%d,"event":"connected","success":true,"data":%b}'
    return frame(head % (request_id, encode_json(data)))


# ---- pushes


class Push(NamedTuple):
    """One event as frames: for everyone, and for the person `author` if theirs differs."""

    others: bytes
    author: str | None = None
    own: bytes = b""

    def for_user(self, user: str) -> bytes:
        return self.own if user == self.author else self.others


class _Authored(msgspec.Struct, rename="camel"):
    """The fields of an event that only its author may read in full."""

    sender_id: str
    client_id: str | None = None


_authored = msgspec.json.Decoder(_Authored)
AUTHORED_KINDS = frozenset({"new_message"})


def push(entry: Entry) -> Push:
    assert entry.body is not None, "what did not travel must be read first"
    whole = _push_frame(entry, entry.body)
    if entry.kind not in AUTHORED_KINDS:
        return Push(whole)
    authored = _authored.decode(entry.body)
    if authored.client_id is None:
        return Push(whole)
    # Inside a JSON string every quote is escaped, so these bytes are the field and nothing else.
    field = b'"clientId":"%b"' % authored.client_id.encode()
    assert entry.body.count(field) == 1, entry.kind
    hidden = entry.body.replace(field, b'"clientId":null')
    return Push(_push_frame(entry, hidden), authored.sender_id, whole)


def _push_frame(entry: Entry, body: bytes) -> bytes:
    head = b'{"event":"%b","topic":"%b","seq":%d,"data":%b}'
    return frame(head % (entry.kind.encode(), entry.topic.encode(), entry.seq, body))


def ephemeral(kind: str, body: bytes) -> bytes:
    return frame(b'{"event":"%b","data":%b}' % (kind.encode(), body))


class CaughtUp(Words):
    topics: dict[str, int]


class Resync(Words):
    topic: str
    seq: int


def caught_up(seqs: dict[str, int]) -> bytes:
    return ephemeral("caught_up", encode_json(CaughtUp(topics=seqs)))


def resync(topic: str, seq: int) -> bytes:
    return ephemeral("resync", encode_json(Resync(topic=topic, seq=seq)))
