"""Typing: said to whoever has the conversation open, stored nowhere, gone by itself."""

from __future__ import annotations

from storage.action import Steps, action, flow
from storage.actor import Actor
from storage.database import Transaction
from storage.domains.messaging.members import role_of
from storage.errors import NotFound
from storage.ids import ConversationId, UserId
from storage.journal import conversation_topic
from storage.words import Nothing, Words, encode_json

TYPING = "typing"


class Typing(Words):
    conversation_id: ConversationId
    active: bool = True


class TypingPush(Words):
    conversation_id: ConversationId
    user_id: UserId
    active: bool


@flow
async def typing(steps: Steps, typist: Actor, command: Typing) -> Nothing:
    """Say that one is typing, or has stopped. Repeat it every three seconds."""
    await steps.step(check_membership, typist, command)
    body = typing_body(typist.user_id, command)
    steps.bus.whisper(conversation_topic(command.conversation_id), TYPING, body)
    return Nothing()


@action(reads=True)
async def check_membership(tx: Transaction, actor: Actor, command: Typing) -> Nothing:
    if await role_of(tx, command.conversation_id, actor.user_id) is None:
        raise NotFound("conversation")
    return Nothing()


def typing_body(typist_id: UserId, command: Typing) -> bytes:
    """The push's data; doors that know the membership already whisper it themselves."""
    return encode_json(
        TypingPush(
            conversation_id=command.conversation_id, user_id=typist_id, active=command.active
        )
    )
