"""A world in which much has happened, by random actions through the gate that a seed repeats."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import trio

from storage.actor import Actor
from storage.domains.friends import OtherUser, block_user, unblock_user
from storage.domains.messaging import (
    AddMembers,
    CreateGroup,
    LeaveConversation,
    ListConversations,
    MarkDelivered,
    MarkRead,
    OpenDirect,
    RemoveMember,
    SendMessage,
    SetMemberRole,
    UpdateConversation,
    add_members,
    create_group,
    leave_conversation,
    list_conversations,
    mark_delivered,
    mark_read,
    open_direct,
    remove_member,
    send_message,
    set_member_role,
    update_conversation,
)
from storage.domains.profiles import UpdateProfile, update_profile
from storage.errors import Refusal
from storage.gate import Gate
from storage.ids import ConversationId, new_id
from tests.world import person

TASKS = 4


async def people(gate: Gate, count: int) -> list[Actor]:
    async with gate.database.transaction() as tx:
        return [await person(tx, f"Guest{number}") for number in range(count)]


async def happen(gate: Gate, everybody: Sequence[Actor], seed: int, actions: int) -> None:
    """`actions` of them, several at a time. What is refused did not happen."""

    async def some(random: Random, count: int) -> None:
        for _ in range(count):
            with suppress(Refusal):
                await _something(gate, everybody, random)

    async with trio.open_nursery() as nursery:
        for task in range(TASKS):
            nursery.start_soon(some, Random(f"{seed} {task}"), actions // TASKS)


async def _something(gate: Gate, everybody: Sequence[Actor], random: Random) -> None:
    actor, other = random.sample(everybody, 2)
    others = [one.user_id for one in random.sample(everybody, 3)]
    page = await gate.perform(list_conversations, actor, ListConversations(limit=100))
    if not page.conversations or random.random() < 0.1:
        begun: list[tuple[object, object]] = [
            (send_message, SendMessage(to=other.user_id, text="hi", client_id=new_id())),
            (open_direct, OpenDirect(user_id=other.user_id)),
            (create_group, CreateGroup(name="Hikers", user_ids=others, client_id=new_id())),
            (block_user, OtherUser(user_id=other.user_id)),
            (unblock_user, OtherUser(user_id=other.user_id)),
            (update_profile, UpdateProfile(bio=str(random.random()))),
        ]
        action, command = random.choice(begun)
    else:
        where = random.choice(page.conversations)
        seq = random.randint(1, max(1, where.last_seq))
        text = f"said {random.random()} “quoted” \\ 🎟"
        going_on: list[tuple[int, object, object]] = [
            (8, send_message, _message(where.id, text)),
            (4, mark_read, MarkRead(conversation_id=where.id, seq=seq)),
            (4, mark_delivered, MarkDelivered(conversation_id=where.id, seq=seq)),
            (1, add_members, AddMembers(conversation_id=where.id, user_ids=others)),
            (1, remove_member, RemoveMember(conversation_id=where.id, user_id=other.user_id)),
            (1, leave_conversation, LeaveConversation(conversation_id=where.id)),
            (1, update_conversation, UpdateConversation(conversation_id=where.id, name=text)),
            (1, set_member_role, _promotion(where.id, other)),
        ]
        weights = [weight for weight, _, _ in going_on]
        [(_, action, command)] = random.choices(going_on, weights)
    await gate.perform(action, actor, command)  # type: ignore[arg-type]  # One table for all.


def _message(conversation_id: ConversationId, text: str) -> SendMessage:
    return SendMessage(conversation_id=conversation_id, text=text, client_id=new_id())


def _promotion(conversation_id: ConversationId, other: Actor) -> SetMemberRole:
    return SetMemberRole(conversation_id=conversation_id, user_id=other.user_id, role="admin")


@dataclass(frozen=True, slots=True)
class Story:
    """Ana has said three things to Ben, who has read one. In the group of Ana, Ben and Chloe all
    said something, then Chloe was removed, and Ben said something more."""

    direct: ConversationId
    group: ConversationId
    ana: Actor
    ben: Actor
    chloe: Actor
    eve: Actor

    @classmethod
    async def told(cls, gate: Gate) -> Story:
        async with gate.database.transaction() as tx:
            ana, ben, chloe, eve = [
                await person(tx, name) for name in ("Ana", "Ben", "Chloe", "Eve")
            ]
        for text in ("one", "two", "three"):
            command = SendMessage(to=ben.user_id, text=text, client_id=new_id())
            sent = await gate.perform(send_message, ana, command)
        direct = sent.conversation_id
        for seq in (1, 2):
            await gate.perform(mark_read, ben, MarkRead(conversation_id=direct, seq=seq))
        made = CreateGroup(name="Hikers", user_ids=[ben.user_id, chloe.user_id], client_id=new_id())
        group = (await gate.perform(create_group, ana, made)).id
        for speaker in (ana, ben, chloe):
            await gate.perform(send_message, speaker, _message(group, "here"))
        removal = RemoveMember(conversation_id=group, user_id=chloe.user_id)
        await gate.perform(remove_member, ana, removal)
        await gate.perform(send_message, ben, _message(group, "and gone"))
        for bio in ("Painter", "Baker", "Painter again"):
            await gate.perform(update_profile, ana, UpdateProfile(bio=bio))
        return cls(direct, group, ana, ben, chloe, eve)
