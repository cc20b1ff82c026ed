"""What two people are to each other, seen from one of them.

Everything that changes a pair locks both people first, in one order. So whatever two of them
do at the same moment happens one after the other, and never deadlocks.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from storage.database import Transaction
from storage.errors import InvalidInput
from storage.ids import UserId
from storage.words import Words

Friendship: TypeAlias = Literal["self", "none", "requested", "incoming", "friends"]


class OtherUser(Words):
    """A command about somebody else."""

    user_id: UserId


class FriendshipAnswer(Words):
    friendship: Friendship


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    friendship: Friendship
    blocked: bool
    """By the one who looks."""


async def find_relation(tx: Transaction, viewer_id: UserId, other_id: UserId) -> Relation:
    row = await tx.row(FIND_RELATION, viewer_id, other_id)
    assert row is not None, viewer_id
    return Relation(**row)


async def lock_relation(tx: Transaction, actor_id: UserId, other_id: UserId) -> Relation:
    """The same, and it stays so until this transaction ends. Whoever does not exist is nothing."""
    if actor_id == other_id:
        raise InvalidInput("userId", "must be somebody else")
    await tx.rows(LOCK_PAIR, [actor_id, other_id])
    return await find_relation(tx, actor_id, other_id)


def sees(viewer: str, person: str) -> str:
    """SQL: whether `viewer` (an id) may know of `person` (a row of users) at all.

    Nobody sees whom they have blocked, or who has blocked them. The private are seen by their
    friends, and by those whom they asked.
    """
    return f"""(
        {person}.id = {viewer}
        OR (
            NOT {blocked(viewer, f"{person}.id")}
            AND (
                {person}.profile_visibility <> 'private'
                OR {befriended(viewer, f"{person}.id")}
                OR EXISTS (SELECT FROM friend_requests
                            WHERE from_id = {person}.id AND to_id = {viewer})
            )
        )
    )"""  # Callers pass names of their own SQL, never input.


def blocked(one: str, other: str) -> str:
    """SQL: whether either of two ids has blocked the other."""
    return f"""(
        EXISTS (SELECT FROM blocks WHERE blocker_id = {one} AND blocked_id = {other})
        OR EXISTS (SELECT FROM blocks WHERE blocker_id = {other} AND blocked_id = {one})
    )"""  # noqa: S608  # As above.


def befriended(one: str, other: str) -> str:
    """SQL: whether two ids are friends."""
    return f"EXISTS (SELECT FROM friends WHERE user_id = {one} AND friend_id = {other})"


LOCK_PAIR = "SELECT id FROM users WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE"

FIND_RELATION = """
    SELECT CASE
           WHEN $1::uuid = $2::uuid THEN 'self'
           WHEN EXISTS (SELECT FROM friends WHERE user_id = $1 AND friend_id = $2) THEN 'friends'
           WHEN EXISTS (SELECT FROM friend_requests WHERE from_id = $1 AND to_id = $2)
           THEN 'requested'
           WHEN EXISTS (SELECT FROM friend_requests WHERE from_id = $2 AND to_id = $1)
           THEN 'incoming'
           ELSE 'none'
           END AS friendship,
           EXISTS (SELECT FROM blocks WHERE blocker_id = $1 AND blocked_id = $2) AS blocked
"""
