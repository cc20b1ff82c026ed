"""What was said: pages of a conversation, by the messages' own numbers."""

from __future__ import annotations

from typing import Annotated

import msgspec

from storage import journal
from storage.action import action
from storage.actor import Actor
from storage.database import Transaction
from storage.domains.identity import UserSummary
from storage.domains.messaging.messages import Message, message_from, people_of
from storage.errors import InvalidInput, NotFound
from storage.ids import ConversationId
from storage.journal import conversation_topic
from storage.pages import PAGE_ROWS_DEFAULT
from storage.words import Limit, Seq, Words

Before = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


class ListMessages(Words):
    conversation_id: ConversationId
    before: Before | None = None
    after: Seq | None = None
    limit: Limit = PAGE_ROWS_DEFAULT


class MessagePage(Words):
    messages: list[Message]
    users: list[UserSummary]
    has_before: bool
    has_after: bool
    last_seq: int
    topic_seq: int


@action(reads=True)
async def list_messages(tx: Transaction, reader: Actor, command: ListMessages) -> MessagePage:
    """Messages in ascending order: the newest, or those next to a number. From joining on."""
    if command.before is not None and command.after is not None:
        raise InvalidInput("before", "name before or after, not both")
    member = await tx.row(FIND_MEMBER, command.conversation_id, reader.user_id)
    if member is None:
        raise NotFound("conversation")

    first_seq, last_seq = member["joined_seq"] + 1, member["last_seq"]
    # Numbers have no gaps, so a page is a span of numbers.
    if command.after is not None:
        low = max(first_seq, command.after + 1)
        high = min(last_seq, low + command.limit - 1)
    else:
        high = last_seq if command.before is None else min(last_seq, command.before - 1)
        low = max(first_seq, high - command.limit + 1)
    rows = await tx.rows(FIND_SPAN, command.conversation_id, low, high)
    messages = [message_from(row, reader_id=reader.user_id) for row in rows]
    return MessagePage(
        messages=messages,
        users=await people_of(tx, messages),
        has_before=low > first_seq,
        has_after=high < last_seq,
        last_seq=last_seq,
        topic_seq=await journal.tip(tx, conversation_topic(command.conversation_id)),
    )


FIND_MEMBER = """
    SELECT member.joined_seq, conversation.last_seq
      FROM members AS member
      JOIN conversations AS conversation ON conversation.id = member.conversation_id
     WHERE member.conversation_id = $1 AND member.user_id = $2
"""

FIND_SPAN = """
    SELECT * FROM messages WHERE conversation_id = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq
"""
