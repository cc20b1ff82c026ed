"""Conversations between two: there is one for each pair, made when one of them first asks."""

from __future__ import annotations

from storage.action import action
from storage.actor import Actor
from storage.database import Transaction
from storage.domains.messaging.conversations import (
    CONVERSATIONS_MAX,
    Conversation,
    ConversationAdded,
    crowded_people,
    load_one,
)
from storage.domains.visibility import find_users, may_message
from storage.errors import Forbidden, InvalidInput, NotFound
from storage.ids import ConversationId, UserId, new_id
from storage.journal import emit, user_topic
from storage.words import Words


class OpenDirect(Words):
    user_id: UserId


@action
async def open_direct(tx: Transaction, opener: Actor, command: OpenDirect) -> Conversation:
    """The conversation with a person, made if there is none yet.

    The other hears of it with its first message.
    """
    conversation_id = await find_direct(tx, opener.user_id, command.user_id)
    if conversation_id is None:
        conversation_id = await create_direct(tx, opener.user_id, command.user_id)
    return await load_one(tx, opener.user_id, conversation_id)


async def find_direct(
    tx: Transaction, opener_id: UserId, other_id: UserId
) -> ConversationId | None:
    if opener_id == other_id:
        raise InvalidInput("userId", "must be somebody else")
    found: ConversationId | None = await tx.value(FIND, *sorted((opener_id, other_id)))
    return found


async def create_direct(tx: Transaction, opener_id: UserId, other_id: UserId) -> ConversationId:
    """Raises NotFound for whom the opener may not see, Forbidden for whom they may not message."""
    if other_id not in await find_users(tx, opener_id, [other_id]):
        raise NotFound("user")
    if (opener_id, other_id) not in await may_message(tx, [(opener_id, other_id)]):
        raise Forbidden("user", "they accept messages from friends only")
    if await crowded_people(tx, [opener_id, other_id]):
        raise Forbidden("user", f"one of you is in {CONVERSATIONS_MAX} conversations already")
    low, high = sorted((opener_id, other_id))
    created: ConversationId | None = await tx.value(CREATE, new_id(), opener_id, low, high)
    if created is None:
        # Both opened it at the same moment, and the other was first.
        created = await tx.value(FIND, low, high)
        assert created is not None
        return created
    await tx.run(JOIN_BOTH, created, low, high)
    seen = await load_one(tx, opener_id, created)
    emit(tx, user_topic(opener_id), ConversationAdded(conversation=seen, from_seq=0))
    return created


FIND = "SELECT id FROM conversations WHERE direct_low = $1 AND direct_high = $2"

CREATE = """
    INSERT INTO conversations (id, kind, created_by, direct_low, direct_high)
    VALUES ($1, 'direct', $2, $3, $4)
        ON CONFLICT (direct_low, direct_high) DO NOTHING
    RETURNING id
"""

JOIN_BOTH = "INSERT INTO members (conversation_id, user_id) VALUES ($1, $2), ($1, $3)"
