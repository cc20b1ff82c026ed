"""The conversations of a person: all, newest activity first, or one."""

from __future__ import annotations

from datetime import datetime

from storage import journal
from storage.action import action
from storage.actor import Actor
from storage.database import Transaction
from storage.domains.identity import UserSummary
from storage.domains.messaging.conversations import (
    UNREAD_COUNT,
    Conversation,
    load,
    load_one,
)
from storage.domains.messaging.messages import people_of
from storage.ids import ConversationId
from storage.journal import conversation_topic, user_topic
from storage.pages import PAGE_ROWS_DEFAULT, decode_cursor, encode_cursor
from storage.words import Cursor, Limit, Words


class ListConversations(Words):
    limit: Limit = PAGE_ROWS_DEFAULT
    cursor: Cursor | None = None


class ConversationPage(Words):
    conversations: list[Conversation]
    users: list[UserSummary]
    next_cursor: str | None
    unread_total: int
    topics: dict[str, int]


class GetConversation(Words):
    conversation_id: ConversationId


@action(reads=True)
async def list_conversations(
    tx: Transaction, reader: Actor, command: ListConversations
) -> ConversationPage:
    """One's conversations, newest activity first, with last message and unread count."""
    after: tuple[datetime | None, ConversationId | None] = (None, None)
    if command.cursor is not None:
        after = decode_cursor(command.cursor, tuple[datetime, ConversationId])
    rows = await tx.rows(FIND_PAGE, reader.user_id, *after, command.limit + 1)
    conversations = await load(tx, reader.user_id, [row["id"] for row in rows[: command.limit]])
    more = len(rows) > command.limit
    last = conversations[-1] if conversations else None
    own_topic = user_topic(reader.user_id)
    topics = {conversation_topic(found.id): found.topic_seq for found in conversations}
    topics[own_topic] = await journal.tip(tx, own_topic)
    return ConversationPage(
        conversations=conversations,
        users=await people_of(tx, [one.last_message for one in conversations if one.last_message]),
        next_cursor=encode_cursor(last.last_activity_at, last.id) if more and last else None,
        unread_total=await tx.value(COUNT_UNREAD, reader.user_id),
        topics=topics,
    )


@action(reads=True)
async def get_conversation(
    tx: Transaction, reader: Actor, command: GetConversation
) -> Conversation:
    """One conversation that one is a member of."""
    return await load_one(tx, reader.user_id, command.conversation_id)


# A direct conversation in which nothing was said yet is only its opener's.
FIND_PAGE = """
    SELECT conversation.id
      FROM members AS member
      JOIN conversations AS conversation ON conversation.id = member.conversation_id
     WHERE member.user_id = $1
       AND (conversation.last_seq > 0 OR conversation.created_by = $1)
       AND ($2::timestamptz IS NULL
            OR (conversation.last_activity_at, conversation.id) < ($2, $3::uuid))
     ORDER BY conversation.last_activity_at DESC, conversation.id DESC LIMIT $4
"""

COUNT_UNREAD = f"""
    SELECT coalesce(sum({UNREAD_COUNT}), 0)::bigint FROM members AS member
     WHERE member.user_id = $1
"""  # noqa: S608  # The inserted text is a constant.
