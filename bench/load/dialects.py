"""How each server is spoken to: the same message in the words of each.

A text begins with the number of its message, so that what comes back names it, and ends with
filling. Frames come from templates of a constant length; what is received is searched, not parsed.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from enum import Enum, auto
from typing import ClassVar

from bench.load.orders import DialectName, Person
from bench.load.websocket import client_head

NUMBER_DIGITS = 10
FIRST_ID = 10 ** (NUMBER_DIGITS - 1)
"""Request ids count from here, so that all have as many digits."""
FILLING = (
    " Shall we meet at seven, where we had soup the last time? I bring the tickets, you the map."
)
FIELDS = f'"clientId":"00000000-0000-4000-8000-%012x","text":"%0{NUMBER_DIGITS}d{FILLING}"'


class Kind(Enum):
    READY = auto()
    ACK = auto()
    REFUSED = auto()
    PUSH = auto()
    OTHER = auto()


Heard = tuple[Kind, int, int]
"""(what, number of the message, its number in the conversation: 0 where that shall not count)."""
READY: Heard = (Kind.READY, 0, 0)
OTHER: Heard = (Kind.OTHER, 0, 0)


def client_number(number: int) -> int:
    """Scattered as those of real clients are: an index takes them anywhere. One to one."""
    return number * 0x9E3779B97F4B & 0xFFFFFFFFFFFF


class Dialect(ABC):
    path: ClassVar[str]
    answers: ClassVar[dict[bytes, bytes]] = {}
    """What is to be said back at once: what came, and the answer."""

    @abstractmethod
    def greetings(self, person: Person) -> list[bytes]:
        """What signs a person in, right after the handshake."""

    @abstractmethod
    def template(self, person: Person) -> bytes:
        """The payload of a message: `% (request id, client number, number)` makes it whole."""

    @abstractmethod
    def read(self, payload: bytes) -> Heard: ...

    def framed_template(self, person: Person) -> bytes:
        template = self.template(person)
        head = client_head(len(template % (FIRST_ID, 0, 0)))
        return head.replace(b"%", b"%%") + template


class Loopync(Dialect):
    path = "/ws"

    def greetings(self, person: Person) -> list[bytes]:
        sign_in = {"id": 1, "event": "connect", "data": {"token": person.token, "have": {}}}
        return [json.dumps(sign_in).encode()]

    def template(self, person: Person) -> bytes:
        data = f'{{"conversationId":"{person.conversation_id}",{FIELDS}}}'
        return f'{{"id":%d,"event":"send_message","data":{data}}}'.encode()

    def read(self, payload: bytes) -> Heard:
        if payload.startswith(b'{"event":"new_message"'):
            at = payload.index(b'"text":"') + 8
            data = payload.index(b'"data":{')
            seq = payload.index(b'"seq":', data) + 6
            return (
                Kind.PUSH,
                int(payload[at : at + NUMBER_DIGITS]),
                int(payload[seq : payload.index(b",", seq)]),
            )
        if payload.startswith(b'{"id":'):
            comma = payload.index(b",")
            if payload.startswith(b'"event":"connected"', comma + 1):
                return OTHER
            number = int(payload[6:comma]) - FIRST_ID
            if payload.startswith(b'"success":true', comma + 1):
                return (Kind.ACK, number, 0)
            return (Kind.REFUSED, number, 0)
        if payload.startswith(b'{"event":"caught_up"'):
            return READY
        return OTHER


class SocketIO(Dialect):
    """Socket.IO 5 over Engine.IO 4, WebSocket only: `40` signs in, `42` says, `43` acknowledges."""

    path = "/socket.io/?EIO=4&transport=websocket"
    answers: ClassVar[dict[bytes, bytes]] = {b"2": b"3"}

    def greetings(self, person: Person) -> list[bytes]:
        return [b"40" + json.dumps({"token": person.token}).encode()]

    def template(self, person: Person) -> bytes:
        data = f'{{"conversationId":"{person.conversation_id}",{FIELDS}}}'
        return f'42%d["send_message",{data}]'.encode()

    def read(self, payload: bytes) -> Heard:
        if payload.startswith(b'42["new_message"'):
            # A task for each emit: the messages of the two now and then overtake each other, and
            # only those of one person are in order.
            at = payload.index(b'"text":"') + 8
            return (Kind.PUSH, int(payload[at : at + NUMBER_DIGITS]), 0)
        if payload.startswith(b"43"):
            bracket = payload.index(b"[")
            number = int(payload[2:bracket]) - FIRST_ID
            is_ack = payload.startswith(b'[{"id":', bracket)
            return (Kind.ACK if is_ack else Kind.REFUSED, number, 0)
        if payload.startswith(b"40{"):
            return READY
        return OTHER


DIALECTS: dict[DialectName, Dialect] = {"loopync": Loopync(), "socketio": SocketIO()}
