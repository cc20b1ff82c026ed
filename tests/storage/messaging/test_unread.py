"""The number of unread messages is what one would count by hand, whoever said what."""

from __future__ import annotations

import random

import pytest

from storage.actor import Actor
from storage.database import Transaction
from storage.domains.messaging import (
    AddMembers,
    CreateGroup,
    GetConversation,
    ListConversations,
    MarkRead,
    RemoveMember,
    UpdateConversation,
    add_members,
    create_group,
    get_conversation,
    list_conversations,
    mark_read,
    remove_member,
    update_conversation,
)
from storage.ids import ConversationId, new_id
from tests.storage.messaging.conftest import Talk, say

STEPS = 120


async def by_hand(tx: Transaction, reader: Actor, group_id: ConversationId) -> int:
    count: int = await tx.value(COUNT, group_id, reader.user_id)
    return count


@pytest.mark.parametrize("seed", range(5))
async def test_it_is_so_through_texts_notes_marks_and_returns(
    tx: Transaction, talk: Talk, seed: int
) -> None:
    rng = random.Random(seed)
    people = [talk.ana, talk.ben, talk.eve]
    command = CreateGroup(
        name="Hikers", user_ids=[talk.ben.user_id, talk.eve.user_id], client_id=new_id()
    )
    group_id = (await create_group(tx, talk.ana, command)).id
    last, has_eve = 1, True

    for step in range(STEPS):
        present = people if has_eve else people[:2]
        what = rng.choice(["say"] * 5 + ["rename", "read", "read", "come and go"])
        if what == "say":
            last = (await say(tx, rng.choice(present), f"{step}", into=group_id)).seq
        elif what == "rename":
            renamed = UpdateConversation(conversation_id=group_id, name=f"Hikers {step}")
            conversation = await update_conversation(tx, talk.ana, renamed)
            last = conversation.last_seq
        elif what == "read":
            reader = rng.choice(present)
            mark = MarkRead(conversation_id=group_id, seq=rng.randint(1, last))
            answer = await mark_read(tx, reader, mark)
            assert answer.unread_count == await by_hand(tx, reader, group_id)
        else:
            eve_id = talk.eve.user_id
            if has_eve:
                gone = RemoveMember(conversation_id=group_id, user_id=eve_id)
                last = (await remove_member(tx, talk.ana, gone)).last_seq
            else:
                back = AddMembers(conversation_id=group_id, user_ids=[eve_id])
                last = (await add_members(tx, talk.ana, back)).last_seq
            has_eve = not has_eve
        for reader in people if has_eve else people[:2]:
            get = GetConversation(conversation_id=group_id)
            unread = (await get_conversation(tx, reader, get)).unread_count
            assert unread == await by_hand(tx, reader, group_id), (seed, step, what)
    listed = await list_conversations(tx, talk.ben, ListConversations())
    assert listed.unread_total == sum(one.unread_count for one in listed.conversations) > 0


COUNT = """
    SELECT count(*) FROM messages
      JOIN members ON members.conversation_id = messages.conversation_id
     WHERE messages.conversation_id = $1 AND members.user_id = $2
       AND messages.seq > members.read_seq AND messages.seq > members.joined_seq
       AND messages.sender_id <> $2 AND messages.kind = 'text'
"""
