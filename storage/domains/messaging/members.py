"""Who is in a conversation, and in which role."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from storage.action import action
from storage.actor import Actor
from storage.database import Transaction
from storage.domains.messaging.conversations import (
    MEMBER_COLUMNS,
    Member,
    MemberRole,
    member_from,
)
from storage.errors import NotFound
from storage.ids import ConversationId, UserId
from storage.pages import PAGE_ROWS_DEFAULT, decode_cursor, encode_cursor
from storage.words import Cursor, Limit, Words


class ListMembers(Words):
    conversation_id: ConversationId
    limit: Limit = PAGE_ROWS_DEFAULT
    cursor: Cursor | None = None


class MemberPage(Words):
    members: list[Member]
    next_cursor: str | None


@action(reads=True)
async def list_members(tx: Transaction, reader: Actor, command: ListMembers) -> MemberPage:
    """The members in the order in which they joined."""
    if await role_of(tx, command.conversation_id, reader.user_id) is None:
        raise NotFound("conversation")
    after: tuple[datetime | None, UserId | None] = (None, None)
    if command.cursor is not None:
        after = decode_cursor(command.cursor, tuple[datetime, UserId])
    rows = await tx.rows(FIND_PAGE, command.conversation_id, *after, command.limit + 1)
    page = [member_from(row) for row in rows[: command.limit]]
    more = len(rows) > command.limit
    next_cursor = encode_cursor(page[-1].joined_at, page[-1].user.id) if more else None
    return MemberPage(members=page, next_cursor=next_cursor)


async def role_of(
    tx: Transaction, conversation_id: ConversationId, user_id: UserId
) -> MemberRole | None:
    """None for who is not in it, or when there is no such conversation."""
    role: MemberRole | None = await tx.value(FIND_ROLE, conversation_id, user_id)
    return role


async def find_members(
    tx: Transaction, conversation_id: ConversationId, user_ids: Sequence[UserId]
) -> list[Member]:
    rows = await tx.rows(FIND_SOME, conversation_id, list(user_ids))
    return [member_from(row) for row in rows]


FIND_ROLE = "SELECT role FROM members WHERE conversation_id = $1 AND user_id = $2"

FIND_SOME = f"""
    SELECT {MEMBER_COLUMNS} FROM members AS member
      JOIN users AS person ON person.id = member.user_id
     WHERE member.conversation_id = $1 AND member.user_id = ANY ($2::uuid[])
     ORDER BY member.joined_at, member.user_id
"""  # noqa: S608  # The inserted text is a constant.

FIND_PAGE = f"""
    SELECT {MEMBER_COLUMNS} FROM members AS member
      JOIN users AS person ON person.id = member.user_id
     WHERE member.conversation_id = $1
       AND ($2::timestamptz IS NULL OR (member.joined_at, member.user_id) > ($2, $3::uuid))
     ORDER BY member.joined_at, member.user_id LIMIT $4
"""  # noqa: S608  # The inserted text is a constant.
