"""The people of the tests: Ana, Ben, Chloe and Eve. What they are to each other, a test says."""

from __future__ import annotations

from dataclasses import dataclass

from storage.actor import Actor
from storage.database import Transaction
from storage.gate import Gate
from storage.ids import SessionId, UserId, new_id


@dataclass(frozen=True, slots=True)
class World:
    ana: Actor
    ben: Actor
    chloe: Actor
    eve: Actor

    @classmethod
    async def made(cls, gate: Gate) -> World:
        async with gate.database.transaction() as tx:
            return cls(*[await person(tx, name) for name in ("Ana", "Ben", "Chloe", "Eve")])


async def person(tx: Transaction, name: str) -> Actor:
    """Somebody with a session, by the shortest way: their password opens nothing."""
    actor = Actor(
        user_id=UserId(new_id()), session_id=SessionId(new_id()), address=f"{name.lower()}.test"
    )
    handle = name.lower()
    await tx.run(ADD_USER, actor.user_id, handle, f"{handle}@example.test", name)
    await tx.run(ADD_SESSION, actor.session_id, actor.user_id, f"{name}'s laptop", actor.address)
    return actor


async def another_session(tx: Transaction, actor: Actor, device: str) -> SessionId:
    session_id = SessionId(new_id())
    await tx.run(ADD_SESSION, session_id, actor.user_id, device, actor.address)
    return session_id


async def make_friends(tx: Transaction, one: Actor, other: Actor) -> None:
    await tx.run(ADD_FRIENDS, one.user_id, other.user_id)


async def block(tx: Transaction, blocker: Actor, blocked: Actor) -> None:
    await tx.run(ADD_BLOCK, blocker.user_id, blocked.user_id)


ADD_USER = """
    INSERT INTO users (id, handle, email, name, password_hash) VALUES ($1, $2, $3, $4, 'none')
"""

ADD_SESSION = """
    INSERT INTO sessions (id, user_id, device, address, expires_at)
    VALUES ($1, $2, $3, $4, now() + interval '30 days')
"""

ADD_FRIENDS = "INSERT INTO friends (user_id, friend_id) VALUES ($1, $2), ($2, $1)"

ADD_BLOCK = "INSERT INTO blocks (blocker_id, blocked_id) VALUES ($1, $2)"
