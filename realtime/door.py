"""The application behind the reactor: who may speak, how fast, and to whom each word goes."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import trio

from realtime import wire
from realtime.arriving import Arrival
from realtime.client import Client
from realtime.connection import Connection
from realtime.core import Core
from realtime.disconnects import (
    BAD_TOKEN,
    CONNECT_TIMEOUT,
    TEXT_ONLY,
    TOO_FAST,
    TOO_MANY_CONNECTIONS,
)
from realtime.dispatch import Asked, Instant, Marking, failure_reply
from realtime.frames import TEXT
from realtime.later import Later
from realtime.wire import Request, Unreadable
from storage import clock
from storage.actor import Actor
from storage.domains.identity import TOKEN_CHARACTERS_MAX, read_access_token
from storage.errors import Conflict, NotFound, Refusal, Unauthenticated
from storage.limits import CONNECT_LIMIT, PERSON_LIMIT, connect_key
from storage.words import Seq, Words

CONNECT_SECONDS = 10.0
HAVE_TOPICS_MAX = 4_000  # More than anybody has: see CONVERSATIONS_MAX.
TOPIC_CHARACTERS_MAX = 80
FAULTS_MAX = 20  # Unreadable frames of one connection.
COUNTED_SECONDS = 10.0
REQUESTS_MAX = 2_000  # In that time, times LOOPYNC_LIMITS: twelve times what a person may ask.

TopicName = Annotated[str, msgspec.Meta(max_length=TOPIC_CHARACTERS_MAX)]
Have = Annotated[dict[TopicName, Seq], msgspec.Meta(max_length=HAVE_TOPICS_MAX)]


class Connect(Words):
    """Sign the connection in, and say what it has."""

    token: Annotated[str, msgspec.Meta(max_length=TOKEN_CHARACTERS_MAX)]
    have: Have = msgspec.field(default_factory=dict)


_connect = msgspec.json.Decoder(Connect)


class Door:
    """The reactor's Application."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._requests_max = REQUESTS_MAX * core.gate.settings.limits_scale
        self._silent: Later[Client] = Later(CONNECT_SECONDS, self._close_if_silent)

    async def run(self) -> None:
        await self._silent.run()

    # ---- the reactor's callbacks

    def opened(self, connection: Connection) -> None:
        client = connection.state = Client(connection)
        self._silent.add(client)

    def message(self, connection: Connection, payload: bytes, opcode: int) -> None:
        client: Client = connection.state
        if opcode != TEXT:
            connection.close(TEXT_ONLY)
        elif self._is_too_fast(client):
            connection.close(TOO_FAST)
        else:
            self._read(client, payload)

    def closed(self, connection: Connection) -> None:
        self._core.left(connection.state)

    # ---- requests

    def _read(self, client: Client, payload: bytes) -> None:
        try:
            request = wire.read_request(payload)
        except Unreadable as unreadable:
            client.push(wire.refusal_reply([unreadable.request_id], unreadable.refusal))
            client.faults += 1
            if client.faults >= FAULTS_MAX:
                client.connection.close(TOO_FAST)
            return
        try:
            self._take(client, request)
        except Refusal as refusal:
            client.push(wire.refusal_reply([request.id], refusal))
        except Exception as error:
            client.push(failure_reply((request.id,), request.event, error))

    def _take(self, client: Client, request: Request) -> None:
        if request.event == "connect":
            self._connect(client, request)
            return
        if client.actor is None or client.is_arriving:
            raise Unauthenticated("connect", "must come first, and be answered")
        command = self._core.commands.get(request.event)
        if command is None:
            raise NotFound("event", "there is no such command")
        body: Any = wire.read_body(command.decoder, request.data)
        if isinstance(command, Instant):
            if command.is_counted:
                self._count(client.user)
            self._answer(client, request, command, body)
        elif isinstance(command, Marking):
            self._core.marks.submit(client, request.id, command, body)
        else:
            self._core.dispatch.submit(client, Asked((request.id,), command, body))

    def _answer(self, client: Client, request: Request, command: Instant, body: Any) -> None:
        try:
            result = command.answer(self._core, client, body)
        except NotFound:
            if command.otherwise is None:
                raise
            self._core.dispatch.submit(client, Asked((request.id,), command.otherwise, body))
        else:
            client.push(wire.reply([request.id], result))

    def _connect(self, client: Client, request: Request) -> None:
        if client.user:
            raise Conflict("connect", "has been asked already")
        asked = wire.read_body(_connect, request.data)
        try:
            actor = self._actor_of(client, asked.token)
        except Unauthenticated as refusal:
            client.push(wire.refusal_reply([request.id], refusal))
            client.connection.close(BAD_TOKEN)
            return
        self._count(str(actor.user_id))
        # Arriving costs the database more than any other request.
        self._core.gate.limits.count(connect_key(str(actor.user_id)), CONNECT_LIMIT)
        client.user = str(actor.user_id)
        if not self._core.people.add(client):
            client.user = ""
            client.connection.close(TOO_MANY_CONNECTIONS)
            return
        client.is_arriving = True
        self._core.arrivals.add(Arrival(client, request.id, actor, asked.have))

    def _actor_of(self, client: Client, token: str) -> Actor:
        """Who the token names. Whether their session lives is asked together with all else."""
        secret = self._core.gate.settings.secret
        claims = read_access_token(secret, token, now=clock.utc_now())
        return Actor(
            user_id=claims.sub, session_id=claims.sid, role=claims.role, address=client.address
        )

    # ---- limits

    def _count(self, user: str) -> None:
        """As the gate does for what it performs. Raises TooManyRequests."""
        self._core.gate.limits.count(f"person {user}", PERSON_LIMIT)

    def _is_too_fast(self, client: Client) -> bool:
        now = trio.current_time()
        if now - client.asked_since >= COUNTED_SECONDS:
            client.asked_since, client.asked_times = now, 0
        client.asked_times += 1
        return client.asked_times > self._requests_max

    def _close_if_silent(self, client: Client) -> None:
        if client.actor is not None or not client.is_open:
            return
        if client.is_arriving:
            self._silent.add(client)
        else:
            client.connection.close(CONNECT_TIMEOUT)
