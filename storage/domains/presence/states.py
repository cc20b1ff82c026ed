"""Whether somebody is there, for those who may know.

One statement answers for any pairs of who asks and about whom. Whom one may not see is offline,
and was never active: that is also the answer for those who do not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec

from storage.action import action
from storage.actor import Actor
from storage.database import Transaction
from storage.domains.presence.leases import DEAD_SECONDS
from storage.domains.visibility import befriended, blocked
from storage.ids import UserId
from storage.words import Nothing, Words

WATCHED_MAX = 200

State: TypeAlias = Literal["online", "away", "offline"]
Pair: TypeAlias = tuple[UserId, UserId]
"""Who asks, and about whom."""


class Presence(Words):
    user_id: UserId
    state: State
    last_active_at: datetime | None


class WatchPresence(Words):
    user_ids: Annotated[list[UserId], msgspec.Meta(max_length=WATCHED_MAX)]


class WatchedPresence(Words):
    presence: list[Presence]


class SetPresence(Words):
    state: Literal["online", "away"]


@action(reads=True)
async def watch_presence(tx: Transaction, actor: Actor, command: WatchPresence) -> WatchedPresence:
    """Who of these people is there. On the socket, changes follow until the next such request."""
    asked = list(dict.fromkeys(command.user_ids))
    found = await presence_of(tx, [(actor.user_id, user_id) for user_id in asked])
    return WatchedPresence(presence=found)


@action
async def set_presence(tx: Transaction, actor: Actor, command: SetPresence) -> Nothing:
    """Say that one is active. Only a socket can also be away."""
    if command.state == "online":
        await tx.run(TOUCH, actor.user_id)
    return Nothing()


async def presence_of(tx: Transaction, pairs: Sequence[Pair]) -> list[Presence]:
    """For each pair, in order, what the first may know of the second."""
    viewers = [viewer_id for viewer_id, _ in pairs]
    rows = await tx.rows(FIND, viewers, [user_id for _, user_id in pairs], DEAD_SECONDS)
    return [
        Presence(user_id=row["user_id"], state=row["state"], last_active_at=row["last_active_at"])
        for row in rows
    ]


TOUCH = """
    INSERT INTO last_active (user_id) VALUES ($1)
        ON CONFLICT (user_id) DO UPDATE SET at = now()
"""

# 'online' sorts after 'away', so the greatest state of all devices is the one that counts.
FIND = f"""
    SELECT asked.user_id, coalesce(known.state, 'offline') AS state, known.last_active_at
      FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asked (viewer_id, user_id, place)
      LEFT JOIN LATERAL (
           SELECT CASE WHEN last_active.at > clock_timestamp() THEN clock_timestamp()
                       ELSE last_active.at
                  END AS last_active_at,  -- never in the future: the clock may have been set back
                  (SELECT max(presence.state)
                     FROM presence
                     JOIN presence_processes AS process ON process.id = presence.process_id
                    WHERE presence.user_id = users.id
                      AND abs(extract(epoch FROM clock_timestamp() - process.beat_at)) <= $3
                  ) AS state
             FROM users LEFT JOIN last_active ON last_active.user_id = users.id
            WHERE users.id = asked.user_id
              AND (users.id = asked.viewer_id
                   OR NOT {blocked("users.id", "asked.viewer_id")}
                  AND users.presence_to <> 'nobody'
                  AND ({befriended("users.id", "asked.viewer_id")}
                       OR users.presence_to = 'contacts' AND EXISTS (
                       SELECT FROM conversations
                        WHERE direct_low = least(users.id, asked.viewer_id)
                          AND direct_high = greatest(users.id, asked.viewer_id)
                          AND last_seq > 0)))
           ) AS known ON true
     ORDER BY asked.place
"""  # noqa: S608  # The inserted text is our own SQL.
