"""A process that commits at once and is heard late, and the people of the tests that use it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from storage.actor import Actor
from storage.domains import messaging
from storage.domains.messaging import (
    AddMembers,
    CreateGroup,
    LeaveConversation,
    SendMessage,
)
from storage.gate import Gate
from storage.ids import ConversationId, new_id
from storage.journal import Entry
from tests.realtime.conftest import Device, Process
from tests.world import another_session


@dataclass
class Elsewhere:
    """Another process: it commits at once, and says so when it is told to."""

    gate: Gate
    kept: list[Entry] = field(default_factory=list)

    def keep(self, entries: Iterable[Entry]) -> None:
        self.kept += entries

    def speak_to(self, process: Process, *, only: str = "") -> None:
        """Bring what was kept, in order; of one topic, or of all."""
        for entry in self.kept:
            if entry.topic.startswith(only):
                process.core.heard(entry)

    async def write(self, author: Actor, conversation_id: ConversationId, text: str) -> None:
        command = SendMessage(conversation_id=conversation_id, text=text, client_id=new_id())
        await self.gate.perform(messaging.send_message, author, command)

    async def make_group(self, creator: Actor, *others: Actor) -> ConversationId:
        user_ids = [other.user_id for other in others]
        command = CreateGroup(name="Group", user_ids=user_ids, client_id=new_id())
        return (await self.gate.perform(messaging.create_group, creator, command)).id

    async def leave(self, leaver: Actor, conversation_id: ConversationId) -> None:
        command = LeaveConversation(conversation_id=conversation_id)
        await self.gate.perform(messaging.leave_conversation, leaver, command)

    async def add(self, admin: Actor, conversation_id: ConversationId, added: Actor) -> None:
        command = AddMembers(conversation_id=conversation_id, user_ids=[added.user_id])
        await self.gate.perform(messaging.add_members, admin, command)


async def phone_of(gate: Gate, actor: Actor) -> Actor:
    async with gate.database.transaction() as tx:
        return Actor(user_id=actor.user_id, session_id=await another_session(tx, actor, "phone"))


def texts(device: Device) -> list[str]:
    return [push["data"]["text"] for push in device.pushes("new_message")]


async def group_of(gate: Gate, creator: Actor, *others: Actor) -> ConversationId:
    return await Elsewhere(gate).make_group(creator, *others)


async def write(gate: Gate, author: Actor, conversation_id: ConversationId, text: str) -> None:
    await Elsewhere(gate).write(author, conversation_id, text)
