"""What a conversation is, as one of its members sees it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Literal, TypeAlias

from storage.database import Record, Transaction
from storage.domains.identity import UserSummary
from storage.domains.messaging.messages import Message, message_from
from storage.domains.visibility import blocked, may_message
from storage.errors import NotFound
from storage.ids import ConversationId, UserId
from storage.words import Words

MEMBERS_MAX = 1000
CONVERSATIONS_MAX = 3000
"""Of one person: their connections listen to all of them at once."""
MEMBERS_SHOWN_MAX = 50
"""How many members a conversation is answered with; `list_members` pages through all."""

ConversationKind: TypeAlias = Literal["direct", "group"]
MemberRole: TypeAlias = Literal["admin", "member"]


class Member(Words):
    user: UserSummary
    role: MemberRole
    joined_at: datetime
    joined_seq: int
    read_seq: int
    read_at: datetime | None
    delivered_seq: int
    delivered_at: datetime | None


class Conversation(Words):
    id: ConversationId
    kind: ConversationKind
    name: str | None
    created_at: datetime
    created_by: UserId
    members: list[Member]
    members_count: int
    last_message: Message | None
    last_seq: int
    joined_seq: int
    read_seq: int
    delivered_seq: int
    unread_count: int
    role: MemberRole
    may_message: bool
    last_activity_at: datetime
    topic_seq: int


class ConversationAdded(Words):
    kind: ClassVar[str] = "conversation_added"
    conversation: Conversation
    from_seq: int


class ConversationRemoved(Words):
    kind: ClassVar[str] = "conversation_removed"
    conversation_id: ConversationId


async def crowded_people(tx: Transaction, user_ids: Sequence[UserId]) -> frozenset[UserId]:
    """Those of them who are in as many conversations as one may be."""
    rows = await tx.rows(FIND_CROWDED, list(user_ids), CONVERSATIONS_MAX)
    return frozenset(row["user_id"] for row in rows)


async def load(
    tx: Transaction, viewer_id: UserId, conversation_ids: Sequence[ConversationId]
) -> list[Conversation]:
    """The conversations among these that the viewer is a member of, in the order asked."""
    rows = {
        row["conversation_id"]: row
        for row in await tx.rows(FIND_AS_MEMBER, viewer_id, list(conversation_ids))
    }
    found = [conversation_id for conversation_id in conversation_ids if conversation_id in rows]
    members = defaultdict(list)
    for row in await tx.rows(FIND_FIRST_MEMBERS, found, MEMBERS_SHOWN_MAX):
        members[row["conversation_id"]].append(member_from(row))
    others = {
        found_id: _other_of(rows[found_id], viewer_id)
        for found_id in found
        if rows[found_id]["conversation_kind"] == "direct"
    }
    allowed = await may_message(tx, [(viewer_id, other_id) for other_id in others.values()])
    return [
        _conversation_from(
            rows[found_id],
            viewer_id=viewer_id,
            members=members[found_id],
            may_message=found_id not in others or (viewer_id, others[found_id]) in allowed,
        )
        for found_id in found
    ]


async def load_one(
    tx: Transaction, viewer_id: UserId, conversation_id: ConversationId
) -> Conversation:
    """Raises NotFound to strangers: a conversation they are not in does not exist for them."""
    found = await load(tx, viewer_id, [conversation_id])
    if not found:
        raise NotFound("conversation")
    return found[0]


def member_from(row: Record) -> Member:
    return Member(
        user=UserSummary(id=row["user_id"], handle=row["handle"], name=row["name"]),
        role=row["role"],
        joined_at=row["joined_at"],
        joined_seq=row["joined_seq"],
        read_seq=row["read_seq"],
        read_at=row["read_at"],
        delivered_seq=row["delivered_seq"],
        delivered_at=row["delivered_at"],
    )


def _other_of(row: Record, viewer_id: UserId) -> UserId:
    other: UserId = row["direct_high"] if row["direct_low"] == viewer_id else row["direct_low"]
    return other


def _conversation_from(
    row: Record,
    *,
    viewer_id: UserId,
    members: list[Member],
    may_message: bool,
) -> Conversation:
    return Conversation(
        id=row["conversation_id"],
        kind=row["conversation_kind"],
        name=row["conversation_name"],
        created_at=row["conversation_created_at"],
        created_by=row["created_by"],
        members=members,
        members_count=row["members_count"],
        last_message=message_from(row, reader_id=viewer_id) if row["id"] else None,
        last_seq=row["last_seq"],
        joined_seq=row["joined_seq"],
        read_seq=row["read_seq"],
        delivered_seq=row["delivered_seq"],
        unread_count=row["unread_count"],
        role=row["role"],
        may_message=may_message,
        last_activity_at=row["last_activity_at"],
        topic_seq=row["topic_seq"],
    )


# Whether one of the two of a direct conversation has blocked the other.
ACROSS_A_BLOCK = f"""
    (conversation.kind = 'direct'
     AND {blocked("conversation.direct_low", "conversation.direct_high")})
"""

# Others' texts after the reader's mark and after joining, for `member` of the query around it.
# Numbers have no gaps, so all after the mark are taken, but for notes and the reader's own texts:
# to count ten thousand one by one took a thousand times as long.
UNREAD_COUNT = """
    (SELECT counted.last_seq - mark.seq
            - (SELECT count(*) FROM messages AS note
                WHERE note.conversation_id = counted.id
                  AND note.kind = 'note' AND note.seq > mark.seq)
            - (SELECT count(*) FROM messages AS own
                WHERE own.conversation_id = counted.id AND own.sender_id = member.user_id
                  AND own.kind = 'text' AND own.seq > mark.seq)
       FROM conversations AS counted,
            LATERAL (SELECT greatest(member.read_seq, member.joined_seq) AS seq) AS mark
      WHERE counted.id = member.conversation_id)
"""

# The last message comes along under its own column names, for `message_from`. The topic's tip is
# read in the same statement, so it is that of this very snapshot: topics are named as in journal.
FIND_AS_MEMBER = f"""
    SELECT message.*, member.conversation_id, member.role, member.joined_seq, member.read_seq,
           member.delivered_seq, {UNREAD_COUNT} AS unread_count,
           conversation.kind AS conversation_kind, conversation.name AS conversation_name,
           conversation.created_at AS conversation_created_at, conversation.created_by,
           conversation.last_seq, conversation.last_activity_at,
           conversation.direct_low, conversation.direct_high,
           coalesce(topics.last_seq, 0) AS topic_seq,
           (SELECT count(*) FROM members AS anyone
             WHERE anyone.conversation_id = member.conversation_id) AS members_count
      FROM members AS member
      JOIN conversations AS conversation ON conversation.id = member.conversation_id
      LEFT JOIN topics ON topics.topic = 'conversation:' || conversation.id
      LEFT JOIN LATERAL (
           SELECT id, seq, sender_id, client_id, kind, text, note, created_at FROM messages
            WHERE messages.conversation_id = conversation.id
              AND messages.seq = conversation.last_seq
              AND messages.seq > member.joined_seq
           ) AS message ON true
     WHERE member.user_id = $1 AND member.conversation_id = ANY ($2::uuid[])
"""  # noqa: S608  # The inserted text is a constant above.

FIND_CROWDED = """
    SELECT user_id FROM unnest($1::uuid[]) AS user_id
     WHERE (SELECT count(*) FROM members WHERE members.user_id = user_id.user_id) >= $2
"""

MEMBER_COLUMNS = """
    member.conversation_id, member.user_id, member.role, member.joined_at, member.joined_seq,
    member.read_seq, member.read_at, member.delivered_seq, member.delivered_at,
    person.handle, person.name
"""

FIND_FIRST_MEMBERS = f"""
    SELECT {MEMBER_COLUMNS}
      FROM unnest($1::uuid[]) AS asked (conversation_id)
      JOIN LATERAL (
           SELECT * FROM members WHERE members.conversation_id = asked.conversation_id
            ORDER BY joined_at, user_id LIMIT $2
           ) AS member ON true
      JOIN users AS person ON person.id = member.user_id
     ORDER BY member.conversation_id, member.joined_at, member.user_id
"""  # noqa: S608  # The inserted text is a constant above.
