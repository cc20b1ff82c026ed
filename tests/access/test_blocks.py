"""What a block stops between two who talk: Ana and Dan have a conversation, then she blocks him."""

from __future__ import annotations

import pytest

from storage.actor import Actor
from storage.domains.friends import OtherUser, block_user, unblock_user
from storage.domains.messaging import (
    AddMembers,
    CreateGroup,
    MarkRead,
    OpenDirect,
    SendMessage,
    Typing,
    add_members,
    create_group,
    mark_read,
    open_direct,
    send_message,
    typing,
)
from storage.errors import Forbidden, NotFound
from storage.gate import Gate
from storage.ids import ConversationId, new_id
from tests.storage.test_bus import Ear
from tests.world import World


async def say(gate: Gate, sender: Actor, text: str, to: Actor) -> ConversationId:
    command = SendMessage(to=to.user_id, text=text, client_id=new_id())
    return (await gate.perform(send_message, sender, command)).conversation_id


@pytest.fixture
async def talk_id(gate: Gate, world: World) -> ConversationId:
    """Eve plays Dan: they have said hello to each other, and then Ana blocked her."""
    await say(gate, world.ana, "hello", world.eve)
    talk_id = await say(gate, world.eve, "hello Ana", world.ana)
    await gate.perform(block_user, world.ana, OtherUser(user_id=world.eve.user_id))
    return talk_id


def about_the_talk(ear: Ear, talk_id: ConversationId) -> list[str]:
    topic = f"conversation:{talk_id}"
    return [entry.kind for entry in ear.entries if entry.topic == topic] + [
        kind for whispered, kind, _ in ear.whispers if whispered == topic
    ]


async def test_neither_hears_the_other_type_read_or_write(
    gate: Gate, world: World, talk_id: ConversationId
) -> None:
    ear = Ear()
    with gate.bus.subscribe(ear):
        for actor in (world.eve, world.ana):
            with pytest.raises(Forbidden):
                await gate.perform(typing, actor, Typing(conversation_id=talk_id))
            command = SendMessage(conversation_id=talk_id, text="psst", client_id=new_id())
            with pytest.raises(Forbidden):
                await gate.perform(send_message, actor, command)
            mark = await gate.perform(mark_read, actor, MarkRead(conversation_id=talk_id, seq=2))
            assert mark.read_seq == 2, "one's own mark moves all the same"
    assert about_the_talk(ear, talk_id) == []


async def test_the_control_after_the_block_all_of_it_is_heard_again(
    gate: Gate, world: World, talk_id: ConversationId
) -> None:
    await gate.perform(unblock_user, world.ana, OtherUser(user_id=world.eve.user_id))
    ear = Ear()
    with gate.bus.subscribe(ear):
        await gate.perform(typing, world.eve, Typing(conversation_id=talk_id))
        await gate.perform(mark_read, world.eve, MarkRead(conversation_id=talk_id, seq=1))
        await say(gate, world.eve, "sorry", world.ana)
    assert about_the_talk(ear, talk_id) == ["messages_read", "new_message", "typing"]


async def test_the_blocked_cannot_pull_one_into_a_group(
    gate: Gate, world: World, talk_id: ConversationId
) -> None:
    command = CreateGroup(name="Trap", user_ids=[world.ana.user_id], client_id=new_id())
    with pytest.raises(NotFound, match="userIds"):
        await gate.perform(create_group, world.eve, command)
    group = await gate.perform(
        create_group,
        world.eve,
        CreateGroup(name="Trap", user_ids=[world.ben.user_id], client_id=new_id()),
    )
    command_to_add = AddMembers(conversation_id=group.id, user_ids=[world.ana.user_id])
    with pytest.raises(NotFound, match="userIds"):
        await gate.perform(add_members, world.eve, command_to_add)


async def test_nobody_hears_typing_before_the_first_message(gate: Gate, world: World) -> None:
    opened = await gate.perform(open_direct, world.ana, OpenDirect(user_id=world.ben.user_id))
    ear = Ear()
    with gate.bus.subscribe(ear):
        await gate.perform(typing, world.ana, Typing(conversation_id=opened.id))
    assert ear.whispers == []
