"""Typing: said to whoever has the conversation open, stored nowhere, gone by itself."""

from __future__ import annotations

from storage.action import Steps, action, flow
from storage.actor import Actor
from storage.database import Transaction
from storage.domains.messaging.conversations import ACROSS_A_BLOCK
from storage.errors import Forbidden, NotFound
from storage.ids import ConversationId, UserId
from storage.journal import conversation_topic
from storage.words import Nothing, Words, encode_json

TYPING = "typing"


class Typing(Words):
    conversation_id: ConversationId
    active: bool = True


class Audience(Words):
    listening: bool


class TypingPush(Words):
    conversation_id: ConversationId
    user_id: UserId
    active: bool


@flow(needs_room=False)
async def typing(steps: Steps, typist: Actor, command: Typing) -> Nothing:
    """Say that one is typing, or has stopped. Repeat it every three seconds."""
    audience = await steps.step(find_audience, typist, command)
    if audience.listening:
        body = typing_body(typist.user_id, command)
        steps.bus.whisper(conversation_topic(command.conversation_id), TYPING, body)
    return Nothing()


@action(reads=True)
async def find_audience(tx: Transaction, typist: Actor, command: Typing) -> Audience:
    """Typing goes where a message may go. Nobody listens before the first one was sent."""
    row = await tx.row(FIND, command.conversation_id, typist.user_id)
    if row is None:
        raise NotFound("conversation")
    if row["across_a_block"]:
        raise Forbidden("conversation", "you cannot message this person")
    return Audience(listening=row["last_seq"] > 0)


def typing_body(typist_id: UserId, command: Typing) -> bytes:
    """The push's data; a door that knows the audience already whispers it itself."""
    return encode_json(
        TypingPush(
            conversation_id=command.conversation_id, user_id=typist_id, active=command.active
        )
    )


FIND = f"""
    SELECT conversation.last_seq, {ACROSS_A_BLOCK} AS across_a_block
      FROM members AS member
      JOIN conversations AS conversation ON conversation.id = member.conversation_id
     WHERE member.conversation_id = $1 AND member.user_id = $2
"""  # noqa: S608  # The inserted text is our own.
