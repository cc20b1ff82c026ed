"""Somebody's profile, as much of it as the one who looks may see."""

from datetime import datetime

from storage.action import action
from storage.actor import Actor
from storage.database import Transaction
from storage.domains.friends import Friendship, find_relation
from storage.domains.visibility.sight import may_message, sees
from storage.errors import NotFound
from storage.ids import UserId
from storage.words import Words


class GetUser(Words):
    user_id: UserId


class Profile(Words):
    id: UserId
    handle: str
    name: str
    bio: str | None
    location: str | None
    website: str | None
    created_at: datetime
    friendship: Friendship
    blocked: bool
    may_message: bool
    mutual_friends: int | None


@action(reads=True)
async def get_user(tx: Transaction, actor: Actor, command: GetUser) -> Profile:
    """A person's profile; of whom one has blocked only who they are, to undo it."""
    row = await tx.row(FIND_PROFILE, actor.user_id, command.user_id)
    if row is None:
        raise NotFound("user")
    relation = await find_relation(tx, actor.user_id, command.user_id)
    pair = (actor.user_id, command.user_id)
    detailed = (
        shows_details(row["profile_visibility"], relation.friendship) and not relation.blocked
    )
    mutual_friends = None
    if detailed and relation.friendship != "self":
        mutual_friends = await tx.value(COUNT_MUTUAL, *pair)
    return Profile(
        id=row["id"],
        handle=row["handle"],
        name=row["name"],
        bio=row["bio"] if detailed else None,
        location=row["location"] if detailed else None,
        website=row["website"] if detailed else None,
        created_at=row["created_at"],
        friendship=relation.friendship,
        blocked=relation.blocked,
        may_message=pair in await may_message(tx, [pair]),
        mutual_friends=mutual_friends,
    )


def shows_details(profile_visibility: str, friendship: Friendship) -> bool:
    """Whether somebody who is seen is seen with more than their name."""
    return profile_visibility == "public" or friendship in ("self", "friends")


FIND_PROFILE = f"""
    SELECT person.id, person.handle, person.name, person.bio, person.location, person.website,
           person.created_at, person.profile_visibility
      FROM users AS person
     WHERE person.id = $2
       AND ({sees("$1", "person")}
            OR EXISTS (SELECT FROM blocks WHERE blocker_id = $1 AND blocked_id = person.id))
"""  # noqa: S608  # The inserted text is our own SQL.

COUNT_MUTUAL = """
    SELECT count(*)
      FROM friends AS mine JOIN friends AS theirs ON theirs.friend_id = mine.friend_id
     WHERE mine.user_id = $1 AND theirs.user_id = $2
"""
