"""Who may see and reach whom.

`sees` is the one predicate, and every find of a person includes it. Its facts are friendships,
requests and blocks, so it is written there; what else may hide somebody joins it here.
"""

from collections.abc import Collection

from storage.database import Transaction
from storage.domains.friends import befriended, blocked, sees
from storage.domains.identity import UserSummary
from storage.ids import UserId

__all__ = ["befriended", "blocked", "find_users", "may_message", "messageable", "sees"]


def messageable(sender: str, recipient: str) -> str:
    """SQL: whether there is no block between the id `sender` and `recipient`, a row of users, and
    the latter takes messages.

    It does not ask who sees whom: what has begun with somebody who then became private goes on.
    """
    return f"""(
        {sender} <> {recipient}.id
        AND NOT {blocked(sender, f"{recipient}.id")}
        AND ({recipient}.messages_from = 'everyone' OR {befriended(sender, f"{recipient}.id")})
    )"""


async def find_users(
    tx: Transaction, viewer_id: UserId, user_ids: Collection[UserId]
) -> dict[UserId, UserSummary]:
    """Those of them whom the viewer may know of; to them, the others do not exist."""
    rows = await tx.rows(FIND_USERS, viewer_id, list(user_ids))
    return {row["id"]: UserSummary(**row) for row in rows}


async def may_message(
    tx: Transaction, pairs: Collection[tuple[UserId, UserId]]
) -> frozenset[tuple[UserId, UserId]]:
    """Those (sender, recipient) of whom the first may write to the second."""
    if not pairs:
        return frozenset()
    senders, recipients = zip(*pairs, strict=True)
    rows = await tx.rows(MAY_MESSAGE, list(senders), list(recipients))
    return frozenset((row["sender_id"], row["recipient_id"]) for row in rows)


FIND_USERS = f"""
    SELECT person.id, person.handle, person.name FROM users AS person
     WHERE person.id = ANY ($2::uuid[]) AND {sees("$1", "person")}
"""  # noqa: S608  # The inserted text is our own SQL.

MAY_MESSAGE = f"""
    SELECT pair.sender_id, pair.recipient_id
      FROM unnest($1::uuid[], $2::uuid[]) AS pair (sender_id, recipient_id)
      JOIN users AS recipient ON recipient.id = pair.recipient_id
     WHERE {messageable("pair.sender_id", "recipient")}
"""  # noqa: S608  # The inserted text is our own SQL.
