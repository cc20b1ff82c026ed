"""Who takes part: accounts in pairs, each pair with its conversation, made without a door."""

from __future__ import annotations

import uuid
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import OctKey

from bench.load.orders import Person
from storage.actor import Actor, Visitor
from storage.database import Transaction, open_database
from storage.domains.identity import create_user, nobodys_hash, start_session, tokens_of
from storage.domains.messaging import OpenDirect, open_direct
from storage.gate import Gate, open_gate
from storage.migrate import migrate
from storage.settings import Settings

HERE = Visitor(address="127.0.0.1", user_agent="loopync bench")
PAIRS_PER_TRANSACTION = 50
PEERS_SCHEMA = Path(__file__).resolve().parent / "peers" / "schema.sql"


async def of_loopync(url: str, secret: bytes, connections: int) -> list[Person]:
    """Migrates the database, and fills it."""
    async with open_database(url, connections_max=2) as database:
        await migrate(database)
    settings = Settings(data=Path(), secret=secret, database_url=url)
    people: list[Person] = []
    async with open_gate(settings) as gate:
        for first in range(0, connections // 2, PAIRS_PER_TRANSACTION):
            pairs = range(connections // 2)[first : first + PAIRS_PER_TRANSACTION]
            people += await _pairs(gate, pairs)
    return people


async def _pairs(gate: Gate, numbers: range) -> list[Person]:
    async def account(tx: Transaction, handle: str) -> tuple[Actor, str]:
        user_id = await create_user(
            tx,
            handle=handle,
            name=handle,
            email=f"{handle}@load.test",
            password_hash=nobodys_hash(),
        )
        session = await start_session(tx, HERE, user_id)
        tokens = tokens_of(gate.settings, session)
        return Actor(user_id=user_id, session_id=tokens.session_id), tokens.access_token

    async def make(tx: Transaction) -> list[Person]:
        made = []
        for number in numbers:
            ana, anas_token = await account(tx, f"ana{number}")
            ben, bens_token = await account(tx, f"ben{number}")
            conversation = await open_direct(tx, ana, OpenDirect(user_id=ben.user_id))
            made += [
                Person(token=token, conversation_id=str(conversation.id))
                for token in (anas_token, bens_token)
            ]
        return made

    return await gate.transact(make)


async def of_socketio(url: str, secret: bytes, connections: int) -> list[Person]:
    key = OctKey.import_key(secret)
    people, pairs = [], []
    for _ in range(connections // 2):
        conversation_id, *users = (str(uuid.uuid4()) for _ in range(3))
        pairs.append((conversation_id, *users))
        people += [
            Person(
                token=jwt.encode({"alg": "HS256"}, {"sub": user}, key),
                conversation_id=conversation_id,
            )
            for user in users
        ]
    async with open_database(url, connections_max=1) as database:
        await database.script(PEERS_SCHEMA.read_text())
        async with database.transaction() as tx:
            columns = list(zip(*pairs, strict=True))
            await tx.run(ADD_USERS, [*columns[1], *columns[2]])
            await tx.run(ADD_CONVERSATIONS, *map(list, columns))
            await tx.run(ADD_MEMBERS)
    return people


ADD_USERS = "INSERT INTO users (id) SELECT unnest($1::uuid[])"

ADD_CONVERSATIONS = """
    INSERT INTO conversations (id, one_id, other_id)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[])
"""

ADD_MEMBERS = """
    INSERT INTO members (conversation_id, user_id)
    SELECT id, one_id FROM conversations UNION ALL SELECT id, other_id FROM conversations
"""
