"""What people do in these tests, by the shortest way."""

from __future__ import annotations

from storage.actor import Actor
from storage.domains import messaging
from storage.domains.messaging import CreateGroup, SendMessage
from storage.gate import Gate
from storage.ids import ConversationId, new_id


async def make_group(gate: Gate, creator: Actor, *others: Actor) -> ConversationId:
    user_ids = [other.user_id for other in others]
    command = CreateGroup(name="Group", user_ids=user_ids, client_id=new_id())
    return (await gate.perform(messaging.create_group, creator, command)).id


async def write(gate: Gate, author: Actor, conversation_id: ConversationId, text: str) -> None:
    command = SendMessage(conversation_id=conversation_id, text=text, client_id=new_id())
    await gate.perform(messaging.send_message, author, command)
