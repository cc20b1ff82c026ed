"""python-socketio on uvicorn: durable direct messages, as one would write them with it.

A client signs in with a token and is put into a room of its own. `send_message` is stored in one
transaction, then told to both people's rooms, then acknowledged. orjson, uvloop and httptools are
what makes each part of it as fast as it gets; asyncpg is used as it comes.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import socketio
import uvicorn
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from uuid_utils.compat import uuid7

POOL_CONNECTIONS = 20
TEXT_CHARACTERS_MAX = 4000


class Json:
    """orjson as python-socketio wants its JSON module."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return orjson.dumps(value).decode()

    @staticmethod
    def loads(text: str | bytes, **_: Any) -> Any:
        return orjson.loads(text)


class Refused(Exception):
    pass


class Messages:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def store(self, sender_id: UUID, data: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """(the message, the two whom it concerns; nobody when it had been stored before)."""
        conversation_id, client_id = UUID(data["conversationId"]), UUID(data["clientId"])
        text = data["text"]
        if not isinstance(text, str) or not 1 <= len(text) <= TEXT_CHARACTERS_MAX:
            raise Refused("text")
        async with self._pool.acquire() as connection:
            try:
                async with connection.transaction():
                    row = await connection.fetchrow(NUMBER, conversation_id, sender_id)
                    if row is None:
                        raise Refused("conversation")
                    message_id, seq = uuid7(), row["last_seq"]
                    created_at = await connection.fetchval(
                        INSERT, conversation_id, seq, message_id, sender_id, client_id, text
                    )
            except asyncpg.UniqueViolationError:
                earlier = await connection.fetchrow(EARLIER, sender_id, client_id)
                return dict(earlier), ()
        message = {
            "id": message_id,
            "conversationId": conversation_id,
            "seq": seq,
            "senderId": sender_id,
            "text": text,
            "createdAt": created_at,
        }
        return message, (row["one_id"], row["other_id"])


def application(database_url: str, secret: bytes) -> socketio.ASGIApp:
    # One client's events are handled in their order, as a chat needs it.
    server = socketio.AsyncServer(
        async_mode="asgi", transports=["websocket"], json=Json, async_handlers=False
    )
    key = OctKey.import_key(secret)
    people: dict[str, UUID] = {}
    messages: Messages

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        nonlocal messages
        async with asyncpg.create_pool(
            database_url, min_size=POOL_CONNECTIONS, max_size=POOL_CONNECTIONS
        ) as pool:
            messages = Messages(pool)
            yield

    living = lifespan()

    async def connect(sid: str, environ: dict[str, Any], auth: dict[str, Any] | None) -> None:
        try:
            claims = jwt.decode((auth or {}).get("token", ""), key).claims
        except (JoseError, ValueError):
            raise socketio.exceptions.ConnectionRefusedError("bad token") from None
        people[sid] = UUID(claims["sub"])
        await server.enter_room(sid, claims["sub"])

    async def disconnect(sid: str, reason: str) -> None:
        people.pop(sid, None)

    async def send_message(sid: str, data: dict[str, Any]) -> dict[str, Any]:
        try:
            message, concerned = await messages.store(people[sid], data)
        except (Refused, KeyError, ValueError) as refused:
            return {"error": str(refused)}
        if concerned:
            await server.emit("new_message", message, room=[str(one) for one in concerned])
        return {key: message[key] for key in ("id", "conversationId", "seq", "createdAt")}

    for handler in (connect, disconnect, send_message):
        server.on(handler.__name__, handler)
    return socketio.ASGIApp(
        server,
        on_startup=living.__aenter__,
        on_shutdown=lambda: living.__aexit__(None, None, None),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    uvicorn.run(
        application(os.environ["DATABASE_URL"], os.environ["PEER_SECRET"].encode()),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        access_log=False,
        log_level="warning",
    )


# The number is given under the conversation's lock, and only to a member.
NUMBER = """
    UPDATE conversations SET last_seq = last_seq + 1
     WHERE id = $1
       AND EXISTS (SELECT FROM members WHERE conversation_id = $1 AND user_id = $2)
    RETURNING last_seq, one_id, other_id
"""

INSERT = """
    INSERT INTO messages (conversation_id, seq, id, sender_id, client_id, text)
    VALUES ($1, $2, $3, $4, $5, $6)
    RETURNING created_at
"""

EARLIER = """
    SELECT id, conversation_id AS "conversationId", seq, created_at AS "createdAt"
      FROM messages WHERE sender_id = $1 AND client_id = $2
"""


if __name__ == "__main__":
    main()
