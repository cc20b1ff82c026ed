"""Asking to be friends: one request between two people, whoever asked first."""

from datetime import datetime
from typing import ClassVar, Literal, TypeAlias

from storage.action import action
from storage.actor import Actor
from storage.database import Record, Transaction
from storage.domains.friends.friendships import befriend
from storage.domains.friends.relations import FriendshipAnswer, OtherUser, lock_relation, sees
from storage.domains.identity import UserSummary, summaries_of
from storage.errors import Conflict, NotFound
from storage.ids import UserId
from storage.journal import emit, user_topic
from storage.words import Nothing, Words

OUTGOING_REQUESTS_MAX = 500
LISTED_REQUESTS_MAX = 200

Direction: TypeAlias = Literal["incoming", "outgoing"]


class FriendRequest(Words):
    user: UserSummary
    created_at: datetime


class FriendRequests(Words):
    incoming: list[FriendRequest]
    outgoing: list[FriendRequest]


class FriendRequested(Words):
    kind: ClassVar[str] = "friend_requested"
    user: UserSummary
    direction: Direction
    created_at: datetime


class FriendRequestRemoved(Words):
    kind: ClassVar[str] = "friend_request_removed"
    user_id: UserId


@action(reads=True)
async def list_friend_requests(tx: Transaction, actor: Actor, command: Nothing) -> FriendRequests:
    """Who asked, and whom one has asked: the newest of each."""
    incoming = await tx.rows(LIST_INCOMING, actor.user_id, LISTED_REQUESTS_MAX)
    outgoing = await tx.rows(LIST_OUTGOING, actor.user_id, LISTED_REQUESTS_MAX)
    return FriendRequests(
        incoming=[_request(row) for row in incoming], outgoing=[_request(row) for row in outgoing]
    )


@action
async def request_friend(tx: Transaction, actor: Actor, command: OtherUser) -> FriendshipAnswer:
    """Ask somebody to be friends; if they asked first, you are."""
    relation = await lock_relation(tx, actor.user_id, command.user_id)
    if relation.friendship == "incoming":
        return await _accept(tx, actor.user_id, command.user_id)
    if relation.friendship == "none":
        await _ask(tx, actor.user_id, command.user_id)
        return FriendshipAnswer(friendship="requested")
    return FriendshipAnswer(friendship=relation.friendship)


@action
async def accept_friend(tx: Transaction, actor: Actor, command: OtherUser) -> FriendshipAnswer:
    """Accept somebody's request; friends already, nothing more happens."""
    relation = await lock_relation(tx, actor.user_id, command.user_id)
    if relation.friendship == "friends":
        return FriendshipAnswer(friendship="friends")
    if relation.friendship != "incoming":
        raise NotFound("friendRequest")
    return await _accept(tx, actor.user_id, command.user_id)


@action
async def decline_friend(tx: Transaction, actor: Actor, command: OtherUser) -> FriendshipAnswer:
    """Decline somebody's request; without one, nothing happens."""
    relation = await lock_relation(tx, actor.user_id, command.user_id)
    if relation.friendship != "incoming":
        return FriendshipAnswer(friendship=relation.friendship)
    await drop_request(tx, actor.user_id, command.user_id)
    return FriendshipAnswer(friendship="none")


@action
async def cancel_friend_request(
    tx: Transaction, actor: Actor, command: OtherUser
) -> FriendshipAnswer:
    """Take one's own request back; without one, nothing happens."""
    relation = await lock_relation(tx, actor.user_id, command.user_id)
    if relation.friendship != "requested":
        return FriendshipAnswer(friendship=relation.friendship)
    await drop_request(tx, actor.user_id, command.user_id)
    return FriendshipAnswer(friendship="none")


async def drop_request(tx: Transaction, actor_id: UserId, other_id: UserId) -> None:
    """End the request between two who are locked, whoever asked, and tell both."""
    if await tx.run(REMOVE_REQUEST, actor_id, other_id):
        emit(tx, user_topic(actor_id), FriendRequestRemoved(user_id=other_id))
        emit(tx, user_topic(other_id), FriendRequestRemoved(user_id=actor_id))


async def _ask(tx: Transaction, actor_id: UserId, other_id: UserId) -> None:
    if not await tx.value(MAY_ASK, actor_id, other_id):
        raise NotFound("user")
    if await tx.value(COUNT_OUTGOING, actor_id) >= OUTGOING_REQUESTS_MAX:
        raise Conflict("friendRequests", f"{OUTGOING_REQUESTS_MAX} of yours are waiting already")
    created_at = await tx.value(ADD_REQUEST, actor_id, other_id)
    users = await summaries_of(tx, [actor_id, other_id])
    sides: list[tuple[UserId, UserId, Direction]] = [
        (actor_id, other_id, "outgoing"),
        (other_id, actor_id, "incoming"),
    ]
    for told_id, user_id, direction in sides:
        event = FriendRequested(user=users[user_id], direction=direction, created_at=created_at)
        emit(tx, user_topic(told_id), event)


async def _accept(tx: Transaction, actor_id: UserId, other_id: UserId) -> FriendshipAnswer:
    await tx.run(REMOVE_REQUEST, actor_id, other_id)
    await befriend(tx, actor_id, other_id)
    return FriendshipAnswer(friendship="friends")


def _request(row: Record) -> FriendRequest:
    user = UserSummary(id=row["id"], handle=row["handle"], name=row["name"])
    return FriendRequest(user=user, created_at=row["created_at"])


MAY_ASK = f"SELECT {sees('$1', 'person')} FROM users AS person WHERE person.id = $2"  # noqa: S608

COUNT_OUTGOING = "SELECT count(*) FROM friend_requests WHERE from_id = $1"

ADD_REQUEST = "INSERT INTO friend_requests (from_id, to_id) VALUES ($1, $2) RETURNING created_at"

REMOVE_REQUEST = """
    DELETE FROM friend_requests
     WHERE (from_id = $1 AND to_id = $2) OR (from_id = $2 AND to_id = $1)
"""

LIST_INCOMING = """
    SELECT users.id, users.handle, users.name, request.created_at
      FROM friend_requests AS request JOIN users ON users.id = request.from_id
     WHERE request.to_id = $1
     ORDER BY request.created_at DESC, users.id LIMIT $2
"""

LIST_OUTGOING = """
    SELECT users.id, users.handle, users.name, request.created_at
      FROM friend_requests AS request JOIN users ON users.id = request.to_id
     WHERE request.from_id = $1
     ORDER BY request.created_at DESC, users.id LIMIT $2
"""
