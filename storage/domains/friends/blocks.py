"""Blocking: two people vanish from each other, until the one who blocked undoes it."""

from typing import ClassVar, Literal

from storage.action import action
from storage.actor import Actor
from storage.database import Transaction
from storage.domains.friends.friendships import unfriend
from storage.domains.friends.relations import OtherUser, lock_relation
from storage.domains.friends.requests import drop_request
from storage.domains.identity import UserSummary, summaries_of
from storage.errors import Conflict, NotFound
from storage.journal import emit, user_topic
from storage.words import Nothing, Words

BLOCKS_MAX = 10_000
LISTED_BLOCKS_MAX = 1000


class Blocked(Words):
    blocked: Literal[True] = True


class Unblocked(Words):
    blocked: Literal[False] = False


class Blocks(Words):
    users: list[UserSummary]


class UserBlocked(Words):
    kind: ClassVar[str] = "user_blocked"
    user: UserSummary


class UserUnblocked(Words):
    kind: ClassVar[str] = "user_unblocked"
    user: UserSummary


@action(reads=True)
async def list_blocks(tx: Transaction, actor: Actor, command: Nothing) -> Blocks:
    """Whom one has blocked, the newest first."""
    rows = await tx.rows(LIST_BLOCKS, actor.user_id, LISTED_BLOCKS_MAX)
    return Blocks(users=[UserSummary(**row) for row in rows])


@action
async def block_user(tx: Transaction, actor: Actor, command: OtherUser) -> Blocked:
    """Block somebody: friendship and requests end, and both vanish from each other.

    The private can be blocked too, by whoever knows their id: it is they who wrote to one.
    """
    relation = await lock_relation(tx, actor.user_id, command.user_id)
    if relation.blocked:
        return Blocked()
    if not await tx.value(MAY_BLOCK, actor.user_id, command.user_id):
        raise NotFound("user")
    if await tx.value(COUNT_BLOCKS, actor.user_id) >= BLOCKS_MAX:
        raise Conflict("blocks", f"at most {BLOCKS_MAX}")
    await unfriend(tx, actor.user_id, command.user_id)
    await drop_request(tx, actor.user_id, command.user_id)
    await tx.run(ADD_BLOCK, actor.user_id, command.user_id)
    [user] = (await summaries_of(tx, [command.user_id])).values()
    emit(tx, user_topic(actor.user_id), UserBlocked(user=user))
    return Blocked()


@action
async def unblock_user(tx: Transaction, actor: Actor, command: OtherUser) -> Unblocked:
    """Undo a block; without one, nothing happens. Friendship does not come back by itself."""
    relation = await lock_relation(tx, actor.user_id, command.user_id)
    if relation.blocked:
        await tx.run(REMOVE_BLOCK, actor.user_id, command.user_id)
        [user] = (await summaries_of(tx, [command.user_id])).values()
        emit(tx, user_topic(actor.user_id), UserUnblocked(user=user))
    return Unblocked()


# Whoever has blocked the asker is nobody to them, here as everywhere.
MAY_BLOCK = """
    SELECT NOT EXISTS (SELECT FROM blocks WHERE blocker_id = $2 AND blocked_id = $1)
      FROM users WHERE id = $2
"""

COUNT_BLOCKS = "SELECT count(*) FROM blocks WHERE blocker_id = $1"

ADD_BLOCK = "INSERT INTO blocks (blocker_id, blocked_id) VALUES ($1, $2)"

REMOVE_BLOCK = "DELETE FROM blocks WHERE blocker_id = $1 AND blocked_id = $2"

LIST_BLOCKS = """
    SELECT users.id, users.handle, users.name
      FROM blocks JOIN users ON users.id = blocks.blocked_id
     WHERE blocks.blocker_id = $1
     ORDER BY blocks.created_at DESC, users.id LIMIT $2
"""
