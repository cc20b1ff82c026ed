"""Sessions: one for each sign-in, listed and ended by their owner.

A session that ends says so on its owner's topic, and its sockets close.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from storage.action import action
from storage.actor import Actor, Role, Visitor
from storage.database import Transaction
from storage.domains.identity.devices import device_name
from storage.errors import NotFound
from storage.ids import SessionId, UserId, new_id
from storage.journal import emit, user_topic
from storage.words import Nothing, Words

SESSIONS_MAX = 50
"""Of one person. A further sign-in ends the session that was used longest ago."""

UNUSED_DAYS_MAX = 30
RUN_OUT_DAYS_KEPT = 30
FORGOTTEN_ROWS_MAX = 1000


class Session(Words):
    id: SessionId
    current: bool
    device: str
    address: str
    created_at: datetime
    last_used_at: datetime


class Sessions(Words):
    sessions: list[Session]


class RevokeSession(Words):
    session_id: SessionId


class RevokedCount(Words):
    revoked: int


class SessionAdded(Words):
    kind: ClassVar[str] = "session_added"
    session: Session


class SessionRevoked(Words):
    kind: ClassVar[str] = "session_revoked"
    session_id: SessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedSession:
    user_id: UserId
    session_id: SessionId
    generation: int
    role: Role


async def start_session(tx: Transaction, visitor: Visitor, user_id: UserId) -> StartedSession:
    """Sign `user_id` in from where `visitor` asks, and tell their other devices."""
    # The lock makes two sign-ins at once count each other's sessions.
    role = await tx.value(LOCK_USER, user_id)
    if role is None:
        raise NotFound("user")
    session_id = SessionId(new_id())
    device = device_name(visitor.user_agent)
    row = await tx.row(ADD_SESSION, session_id, user_id, device, visitor.address, UNUSED_DAYS_MAX)
    assert row is not None, session_id
    session = Session(current=False, **row)
    emit(tx, user_topic(user_id), SessionAdded(session=session))
    surplus = await tx.rows(REVOKE_SURPLUS, user_id, session_id, SESSIONS_MAX - 1)
    _tell_revoked(tx, user_id, [row["id"] for row in surplus])
    return StartedSession(user_id=user_id, session_id=session_id, generation=1, role=role)


@action(reads=True)
async def list_sessions(tx: Transaction, actor: Actor, command: Nothing) -> Sessions:
    """Where one is signed in, the last used first."""
    rows = await tx.rows(LIST_SESSIONS, actor.user_id)
    return Sessions(
        sessions=[Session(current=row["id"] == actor.session_id, **row) for row in rows]
    )


# A lost phone must be shut out on a full disk too.
@action(needs_room=False)
async def revoke_session(tx: Transaction, actor: Actor, command: RevokeSession) -> Nothing:
    """End one of one's own sessions; ended already, nothing more happens."""
    owner_id = await tx.value("SELECT user_id FROM sessions WHERE id = $1", command.session_id)
    if owner_id != actor.user_id:
        raise NotFound("session")
    await end_sessions(tx, actor.user_id, [command.session_id])
    return Nothing()


@action(needs_room=False)
async def revoke_other_sessions(tx: Transaction, actor: Actor, command: Nothing) -> RevokedCount:
    """End all sessions but the one that asks."""
    return RevokedCount(revoked=await end_other_sessions(tx, actor))


async def end_other_sessions(tx: Transaction, actor: Actor) -> int:
    """How many were ended; each says so."""
    # A sign-in that is under way is either among the others, or comes after.
    await tx.row(LOCK_USER, actor.user_id)
    ended = await tx.rows(REVOKE_OTHERS, actor.user_id, actor.session_id)
    _tell_revoked(tx, actor.user_id, [row["id"] for row in ended])
    return len(ended)


async def end_sessions(tx: Transaction, user_id: UserId, ids: Collection[SessionId]) -> int:
    """End those of them that live, and tell; how many did."""
    ended = await tx.rows(REVOKE, user_id, list(ids))
    _tell_revoked(tx, user_id, [row["id"] for row in ended])
    return len(ended)


async def live_sessions(tx: Transaction, ids: Collection[SessionId]) -> set[SessionId]:
    """Those of them that have neither been ended nor run out."""
    return {row["id"] for row in await tx.rows(FIND_LIVE, list(ids))}


async def forget_ended_sessions(tx: Transaction) -> int:
    """Delete some that ran out long ago, and say how many: again, until it answers 0."""
    return await tx.run(FORGET, RUN_OUT_DAYS_KEPT, FORGOTTEN_ROWS_MAX)


def _tell_revoked(tx: Transaction, user_id: UserId, ids: list[SessionId]) -> None:
    for session_id in ids:
        emit(tx, user_topic(user_id), SessionRevoked(session_id=session_id))


LOCK_USER = "SELECT role FROM users WHERE id = $1 FOR NO KEY UPDATE"

ADD_SESSION = """
    INSERT INTO sessions (id, user_id, device, address, expires_at)
    VALUES ($1, $2, $3, $4, now() + make_interval(days => $5))
    RETURNING id, device, address, created_at, last_used_at
"""

REVOKE_SURPLUS = """
    UPDATE sessions SET revoked_at = now()
     WHERE id IN (
           SELECT id FROM sessions
            WHERE user_id = $1 AND id <> $2 AND revoked_at IS NULL AND expires_at > now()
            ORDER BY last_used_at DESC, id DESC
           OFFSET $3
           )
    RETURNING id
"""

LIST_SESSIONS = """
    SELECT id, device, address, created_at, last_used_at FROM sessions
     WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()
     ORDER BY last_used_at DESC, id DESC
"""

REVOKE_OTHERS = """
    UPDATE sessions SET revoked_at = now()
     WHERE user_id = $1 AND id <> $2 AND revoked_at IS NULL AND expires_at > now()
    RETURNING id
"""

REVOKE = """
    UPDATE sessions SET revoked_at = now()
     WHERE user_id = $1 AND id = ANY ($2::uuid[]) AND revoked_at IS NULL AND expires_at > now()
    RETURNING id
"""

FIND_LIVE = """
    SELECT id FROM sessions
     WHERE id = ANY ($1::uuid[]) AND revoked_at IS NULL AND expires_at > now()
"""

FORGET = """
    DELETE FROM sessions
     WHERE id IN (
           SELECT id FROM sessions
            WHERE expires_at < now() - make_interval(days => $1)
            LIMIT $2
           )
"""
