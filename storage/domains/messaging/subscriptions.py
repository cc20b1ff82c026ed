"""What a person's connections hear: their own topic, and those of their conversations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from storage.database import Transaction
from storage.ids import UserId
from storage.journal import conversation_topic, user_topic


@dataclass(frozen=True, slots=True)
class Subscription:
    topic: str
    seq: int
    """The topic's tip when it was read."""
    from_seq: int
    """Entries up to here are not theirs: they happened before they joined."""


async def subscriptions(
    tx: Transaction, user_ids: Sequence[UserId]
) -> dict[UserId, list[Subscription]]:
    """For many people at once: one statement, however many come back after an outage."""
    found: defaultdict[UserId, list[Subscription]] = defaultdict(list)
    for row in await tx.rows(FIND, list(user_ids)):
        conversation_id = row["conversation_id"]
        topic = (
            user_topic(row["user_id"])
            if conversation_id is None
            else conversation_topic(conversation_id)
        )
        found[row["user_id"]].append(Subscription(topic, row["seq"], row["from_seq"]))
    return dict(found)


# Topics are named as in the journal module. A direct conversation in which nothing was said yet has
# no entry, and is only its opener's: its number would tell the other that somebody has opened it.
FIND = """
    SELECT listening.user_id, listening.conversation_id, listening.from_seq,
           coalesce(topics.last_seq, 0) AS seq
      FROM (SELECT user_id, conversation_id, from_topic_seq AS from_seq,
                   'conversation:' || conversation_id AS topic
              FROM members WHERE user_id = ANY ($1::uuid[])
             UNION ALL
            SELECT user_id, NULL, 0, 'user:' || user_id FROM unnest($1::uuid[]) AS user_id
           ) AS listening
      LEFT JOIN topics ON topics.topic = listening.topic COLLATE "C"
     WHERE topics.topic IS NOT NULL OR listening.conversation_id IS NULL
        OR EXISTS (SELECT FROM conversations
                    WHERE conversations.id = listening.conversation_id
                      AND conversations.created_by = listening.user_id)
"""
