"""What must hold of marks and unread counts: recounted here, and compared with what is answered."""

from __future__ import annotations

from typing import Final

from storage.actor import Actor
from storage.database import Transaction
from storage.domains.messaging.conversations import UNREAD_COUNT
from storage.domains.messaging.lists import ListConversations, list_conversations
from storage.ids import ConversationId, SessionId, UserId, new_id
from storage.journal_check import SURELY_KEPT_DAYS
from storage.verify import Check, first_row

ASKED_MAX = 200
"""People whose lists are asked for whole. Everybody's counts are compared beside that."""
BEHIND_MAX = 10_000
"""Messages behind which somebody's count is compared only as part of their list: the recount goes
through each of them, and in a crowd of whom nobody reads that would be for ever."""
PAGE_ROWS = 100

MARKS = """
    SELECT member.conversation_id, member.user_id, member.joined_seq, member.read_seq,
           member.delivered_seq, member.from_topic_seq, conversation.last_seq,
           coalesce(topics.last_seq, 0) AS topic_seq
      FROM members AS member
      JOIN conversations AS conversation ON conversation.id = member.conversation_id
      LEFT JOIN topics ON topics.topic = 'conversation:' || member.conversation_id
     WHERE NOT (0 <= member.joined_seq AND member.joined_seq <= member.read_seq
                AND member.read_seq <= member.delivered_seq
                AND member.delivered_seq <= conversation.last_seq
                AND member.from_topic_seq <= coalesce(topics.last_seq, 0))
"""

# The furthest mark that was told of each member, in the conversation's topic or in their own. Who
# left and came back begins at the conversation's end, which is at or behind whatever they had read.
TOLD_MARKS = """
    WITH told AS (
         SELECT (body->>'conversationId')::uuid AS conversation_id,
                (body->>'userId')::uuid AS user_id,
                max((body->>'seq')::bigint) FILTER (WHERE kind = 'messages_read') AS read_seq,
                max((body->>'seq')::bigint) AS delivered_seq
           FROM journal WHERE kind IN ('messages_read', 'messages_delivered') GROUP BY 1, 2
         ), compared AS (
         SELECT member.conversation_id, member.user_id, mark.*
           FROM members AS member
           LEFT JOIN told USING (conversation_id, user_id)
          CROSS JOIN LATERAL (
                VALUES ('read', member.read_seq, member.read_at, told.read_seq),
                       ('received', member.delivered_seq, member.delivered_at, told.delivered_seq)
                ) AS mark (what, seq, at, told)
         )
    SELECT *, coalesce('is ' || told, 'was never told') AS telling FROM compared
     WHERE told > seq
        OR at > now() - make_interval(days => $1) AND told IS DISTINCT FROM seq
"""

# Written otherwise than what the product asks, on purpose: a walk along the messages behind each
# mark counts them one by one, where the product takes from the numbers what does not count.
RECOUNT = """
    SELECT member.conversation_id, member.user_id, count(message.seq) AS counted
      FROM members AS member
      LEFT JOIN messages AS message
        ON message.conversation_id = member.conversation_id
       AND message.seq > member.read_seq AND message.seq > member.joined_seq
       AND message.note IS NULL AND NOT message.sender_id = member.user_id
     {where}
     GROUP BY member.conversation_id, member.user_id
"""

NOT_FAR_BEHIND = f"""
    WHERE member.read_seq >= (
          SELECT last_seq FROM conversations WHERE id = member.conversation_id) - {BEHIND_MAX}
"""  # noqa: S608  # The inserted text is a number.

FIND_ASKED = """
    SELECT member.user_id, max(conversation.last_activity_at) AS active_at
      FROM members AS member
      JOIN conversations AS conversation ON conversation.id = member.conversation_id
     GROUP BY member.user_id ORDER BY active_at DESC, member.user_id LIMIT $1
"""

FIND_LISTED = """
    SELECT conversations.id FROM conversations
     WHERE (last_seq > 0 OR created_by = $1)
       AND id IN (SELECT conversation_id FROM members WHERE user_id = $1)
     ORDER BY id
"""


async def first_wrong_count(tx: Transaction) -> str | None:
    """Everybody's counts as the product counts them, in one statement."""
    sql = f"""
        SELECT conversation_id, user_id, counted, {UNREAD_COUNT} AS unread_count
          FROM ({RECOUNT.format(where=NOT_FAR_BEHIND)}) AS recount
          JOIN members AS member USING (conversation_id, user_id)
         WHERE counted <> {UNREAD_COUNT}
    """  # noqa: S608  # The inserted text is our own.
    sentence = (
        "user {user_id} is told of {unread_count} unread messages in conversation "
        "{conversation_id}, but there are {counted}"
    )
    return await first_row(sql, "conversation_id, user_id", sentence)(tx)


async def first_wrong_list(tx: Transaction) -> str | None:
    """What `list_conversations` answers to those who were active last."""
    for row in await tx.rows(FIND_ASKED, ASKED_MAX):
        if (difference := await _wrong_in_list_of(tx, row["user_id"])) is not None:
            return difference
    return None


async def _wrong_in_list_of(tx: Transaction, user_id: UserId) -> str | None:
    where = "WHERE member.user_id = $1"
    counted: dict[ConversationId, int] = {
        row["conversation_id"]: row["counted"]
        for row in await tx.rows(RECOUNT.format(where=where), user_id)
    }
    asker = Actor(user_id=user_id, session_id=SessionId(new_id()))
    listed: set[ConversationId] = set()
    cursor: str | None = None
    while True:
        command = ListConversations(limit=PAGE_ROWS, cursor=cursor)
        page = await list_conversations(tx, asker, command)
        if page.unread_total != sum(counted.values()):
            return (
                f"the list of user {user_id} tells of {page.unread_total} unread messages in all, "
                f"but there are {sum(counted.values())}"
            )
        for one in page.conversations:
            if one.unread_count != counted.get(one.id):
                return (
                    f"the list of user {user_id} tells of {one.unread_count} unread messages in "
                    f"conversation {one.id}, but there are {counted.get(one.id)}"
                )
            if one.id in listed:
                return f"the list of user {user_id} names conversation {one.id} twice"
            listed.add(one.id)
        cursor = page.next_cursor
        if cursor is None:
            break
    for row in await tx.rows(FIND_LISTED, user_id):
        if row["id"] not in listed:
            return f"the list of user {user_id} leaves out conversation {row['id']}"
    return None


CHECKS: Final = (
    Check(
        holds="marks keep their order: joined, read, received, last",
        tables=("members",),
        first=first_row(
            MARKS,
            "conversation_id, user_id",
            "user {user_id} in conversation {conversation_id} joined at {joined_seq} (entry "
            "{from_topic_seq} of {topic_seq}), has read {read_seq} and received {delivered_seq}, "
            "and the last message is {last_seq}: these must stand in this order",
        ),
    ),
    Check(
        holds="each mark is the furthest that was told",
        tables=("members", "journal"),
        first=first_row(
            TOLD_MARKS,
            "conversation_id, user_id, what",
            "user {user_id} in conversation {conversation_id} has {what} up to message {seq}, but "
            "the furthest in the journal {telling}",
            SURELY_KEPT_DAYS,
        ),
    ),
    Check(
        holds="unread counts are the number of others' texts behind the mark",
        tables=("members", "messages"),
        first=first_wrong_count,
    ),
    Check(
        holds=f"the lists of the {ASKED_MAX} who were active last are whole, and count right",
        tables=("conversations", "members"),
        first=first_wrong_list,
    ),
)
