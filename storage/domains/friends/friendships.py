"""Friends: both are, or neither is."""

from typing import ClassVar

from storage.action import action
from storage.actor import Actor
from storage.database import Transaction
from storage.domains.friends.relations import FriendshipAnswer, OtherUser, lock_relation
from storage.domains.identity import UserSummary, summaries_of
from storage.errors import Conflict
from storage.ids import UserId
from storage.journal import emit, user_topic
from storage.pages import PAGE_ROWS_DEFAULT, decode_cursor, encode_cursor
from storage.words import Cursor, Limit, Words

FRIENDS_MAX = 5000


class ListFriends(Words):
    limit: Limit = PAGE_ROWS_DEFAULT
    cursor: Cursor | None = None


class UserPage(Words):
    users: list[UserSummary]
    next_cursor: str | None


class FriendAdded(Words):
    kind: ClassVar[str] = "friend_added"
    user: UserSummary


class FriendRemoved(Words):
    kind: ClassVar[str] = "friend_removed"
    user_id: UserId


@action(reads=True)
async def list_friends(tx: Transaction, actor: Actor, command: ListFriends) -> UserPage:
    """One's friends, by handle."""
    after = handle_after(command.cursor)
    rows = await tx.rows(LIST_FRIENDS, actor.user_id, after, command.limit + 1)
    return user_page([UserSummary(**row) for row in rows], command.limit)


@action
async def remove_friend(tx: Transaction, actor: Actor, command: OtherUser) -> FriendshipAnswer:
    """End a friendship, for both; ended already, nothing more happens."""
    relation = await lock_relation(tx, actor.user_id, command.user_id)
    if relation.friendship != "friends":
        return FriendshipAnswer(friendship=relation.friendship)
    await unfriend(tx, actor.user_id, command.user_id)
    return FriendshipAnswer(friendship="none")


async def befriend(tx: Transaction, actor_id: UserId, other_id: UserId) -> None:
    """Make two people friends who are locked and are not, and tell both."""
    pair = [actor_id, other_id]
    counts = await tx.rows(COUNT_FRIENDS, pair)
    if any(row["friends"] >= FRIENDS_MAX for row in counts):
        raise Conflict("friends", f"one of you has {FRIENDS_MAX} already")
    await tx.run(ADD_BOTH, actor_id, other_id)
    users = await summaries_of(tx, pair)
    emit(tx, user_topic(actor_id), FriendAdded(user=users[other_id]))
    emit(tx, user_topic(other_id), FriendAdded(user=users[actor_id]))


async def unfriend(tx: Transaction, actor_id: UserId, other_id: UserId) -> None:
    """End the friendship of two who are locked, and tell both."""
    if await tx.run(REMOVE_BOTH, actor_id, other_id):
        emit(tx, user_topic(actor_id), FriendRemoved(user_id=other_id))
        emit(tx, user_topic(other_id), FriendRemoved(user_id=actor_id))


def handle_after(cursor: str | None) -> str:
    """Where a page that is sorted by handle begins: before all handles, or after one."""
    if cursor is None:
        return ""
    (handle,) = decode_cursor(cursor, tuple[str])
    return handle


def user_page(users: list[UserSummary], limit: int) -> UserPage:
    """The first `limit` of them, and where to go on if there are more."""
    shown = users[:limit]
    more = len(users) > limit
    return UserPage(users=shown, next_cursor=encode_cursor(shown[-1].handle) if more else None)


LIST_FRIENDS = """
    SELECT users.id, users.handle, users.name
      FROM friends JOIN users ON users.id = friends.friend_id
     WHERE friends.user_id = $1 AND users.handle > $2
     ORDER BY users.handle LIMIT $3
"""

COUNT_FRIENDS = """
    SELECT user_id, count(*) AS friends FROM friends
     WHERE user_id = ANY ($1::uuid[]) GROUP BY user_id
"""

ADD_BOTH = "INSERT INTO friends (user_id, friend_id) VALUES ($1, $2), ($2, $1)"

REMOVE_BOTH = """
    DELETE FROM friends
     WHERE (user_id = $1 AND friend_id = $2) OR (user_id = $2 AND friend_id = $1)
"""
