"""Who may see and reach whom: the one predicate behind every find.

Architect's first version, to unblock messaging: the people helper owns this folder and may rewrite
it, keeping these two signatures (may_message takes PAIRS, because messages are sent in batches).
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.database import Transaction
from storage.domains.identity import UserSummary
from storage.ids import UserId


async def find_users(
    tx: Transaction, viewer_id: UserId, user_ids: Sequence[UserId]
) -> dict[UserId, UserSummary]:
    rows = await tx.rows(FIND_USERS, viewer_id, list(user_ids))
    return {row["id"]: UserSummary(id=row["id"], handle=row["handle"], name=row["name"]) for row in rows}


async def may_message(
    tx: Transaction, pairs: Sequence[tuple[UserId, UserId]]
) -> frozenset[tuple[UserId, UserId]]:
    """Which of these (sender, recipient) pairs are allowed."""
    if not pairs:
        return frozenset()
    rows = await tx.rows(MAY_MESSAGE, [pair[0] for pair in pairs], [pair[1] for pair in pairs])
    return frozenset((row["sender_id"], row["recipient_id"]) for row in rows)


FIND_USERS = """
    SELECT person.id, person.handle, person.name FROM users AS person
     WHERE person.id = ANY ($2::uuid[])
       AND NOT EXISTS (SELECT FROM blocks WHERE (blocker_id, blocked_id) IN
                         ((person.id, $1), ($1, person.id)))
       AND (person.profile_visibility <> 'private' OR person.id = $1
            OR EXISTS (SELECT FROM friends WHERE user_id = person.id AND friend_id = $1))
"""

MAY_MESSAGE = """
    SELECT asked.sender_id, asked.recipient_id
      FROM unnest($1::uuid[], $2::uuid[]) AS asked (sender_id, recipient_id)
      JOIN users AS recipient ON recipient.id = asked.recipient_id
     WHERE NOT EXISTS (SELECT FROM blocks WHERE (blocker_id, blocked_id) IN
                         ((asked.sender_id, asked.recipient_id), (asked.recipient_id, asked.sender_id)))
       AND (recipient.messages_from = 'everyone'
            OR EXISTS (SELECT FROM friends
                        WHERE user_id = recipient.id AND friend_id = asked.sender_id))
"""
