from __future__ import annotations

import pytest

from storage.actor import Actor
from storage.database import Transaction
from storage.domains.messaging import (
    AddMembers,
    Conversation,
    CreateGroup,
    GetConversation,
    LeaveConversation,
    ListConversations,
    ListMembers,
    ListMessages,
    RemoveMember,
    SetMemberRole,
    UpdateConversation,
    add_members,
    conversations,
    create_group,
    get_conversation,
    leave_conversation,
    list_conversations,
    list_members,
    list_messages,
    remove_member,
    set_member_role,
    update_conversation,
)
from storage.errors import Forbidden, InvalidInput, NotFound
from storage.ids import ConversationId, new_id
from tests.storage.messaging.conftest import Talk, emitted, say
from tests.world import block, person


async def group_of(tx: Transaction, admin: Actor, *others: Actor) -> Conversation:
    command = CreateGroup(
        name="Hikers", user_ids=[other.user_id for other in others], client_id=new_id()
    )
    return await create_group(tx, admin, command)


async def told(tx: Transaction, reader: Actor, group_id: ConversationId) -> list[str]:
    """What happened to the group, as its thread tells it."""
    page = await list_messages(tx, reader, ListMessages(conversation_id=group_id))
    return [message.note.type if message.note else message.text for message in page.messages]


async def test_everybody_in_a_new_group_hears_of_it_and_nothing_is_unread(
    tx: Transaction, talk: Talk
) -> None:
    group = await group_of(tx, talk.ana, talk.ben, talk.eve)

    assert (group.name, group.members_count, group.role) == ("Hikers", 3, "admin")
    added = emitted(tx, "conversation_added")
    assert {topic for topic, _ in added} == {
        f"user:{actor.user_id}" for actor in (talk.ana, talk.ben, talk.eve)
    }
    seen = await get_conversation(tx, talk.ben, GetConversation(conversation_id=group.id))
    assert (seen.unread_count, seen.role) == (0, "member")
    assert await told(tx, talk.ben, group.id) == ["created"]


async def test_who_joins_later_reads_from_their_joining_on(tx: Transaction, talk: Talk) -> None:
    group = await group_of(tx, talk.ana, talk.ben)
    await say(tx, talk.ana, "before Eve", into=group.id)
    await add_members(
        tx, talk.ana, AddMembers(conversation_id=group.id, user_ids=[talk.eve.user_id])
    )
    await say(tx, talk.ana, "after Eve", into=group.id)

    assert await told(tx, talk.eve, group.id) == ["added", "after Eve"]
    assert await told(tx, talk.ben, group.id) == ["created", "before Eve", "added", "after Eve"]
    seen = await get_conversation(tx, talk.eve, GetConversation(conversation_id=group.id))
    assert seen.unread_count == 1


async def test_adding_somebody_twice_changes_nothing(tx: Transaction, talk: Talk) -> None:
    group = await group_of(tx, talk.ana, talk.ben)
    tx.emitted.clear()
    again = AddMembers(conversation_id=group.id, user_ids=[talk.ben.user_id])
    assert (await add_members(tx, talk.ana, again)).members_count == 2
    assert tx.emitted == []


async def test_a_removed_member_is_a_stranger(tx: Transaction, talk: Talk) -> None:
    group = await group_of(tx, talk.ana, talk.ben, talk.eve)
    command = RemoveMember(conversation_id=group.id, user_id=talk.eve.user_id)
    await remove_member(tx, talk.ana, command)

    [(topic, _)] = emitted(tx, "conversation_removed")
    assert topic == f"user:{talk.eve.user_id}"
    with pytest.raises(NotFound):
        await told(tx, talk.eve, group.id)
    with pytest.raises(NotFound):
        await say(tx, talk.eve, "let me in", into=group.id)
    with pytest.raises(NotFound, match=r"^member$"):
        await remove_member(tx, talk.ana, command)


async def test_only_admins_manage_a_group_and_strangers_do_not_find_it(
    tx: Transaction, talk: Talk
) -> None:
    group = await group_of(tx, talk.ana, talk.ben)
    for actor, refusal in [(talk.ben, Forbidden), (talk.eve, NotFound)]:
        with pytest.raises(refusal):
            await update_conversation(
                tx, actor, UpdateConversation(conversation_id=group.id, name="Mine")
            )
        with pytest.raises(refusal):
            await add_members(
                tx, actor, AddMembers(conversation_id=group.id, user_ids=[talk.eve.user_id])
            )
        with pytest.raises(refusal):
            await remove_member(
                tx, actor, RemoveMember(conversation_id=group.id, user_id=talk.ana.user_id)
            )
        with pytest.raises(refusal):
            await set_member_role(
                tx,
                actor,
                SetMemberRole(conversation_id=group.id, user_id=actor.user_id, role="admin"),
            )


async def test_a_direct_conversation_has_nothing_to_manage(tx: Transaction, talk: Talk) -> None:
    with pytest.raises(Forbidden):
        await leave_conversation(tx, talk.ana, LeaveConversation(conversation_id=talk.id))


async def test_renaming_is_told_and_the_same_name_is_not(tx: Transaction, talk: Talk) -> None:
    group = await group_of(tx, talk.ana, talk.ben)
    command = UpdateConversation(conversation_id=group.id, name="  Alpine\u00a0 Hikers ")
    renamed = await update_conversation(tx, talk.ana, command)
    await update_conversation(tx, talk.ana, command)

    assert renamed.name == "Alpine Hikers"
    assert len(emitted(tx, "conversation_updated")) == 1
    with pytest.raises(InvalidInput, match="name"):
        await update_conversation(
            tx, talk.ana, UpdateConversation(conversation_id=group.id, name="  ")
        )


async def test_a_group_keeps_an_admin(tx: Transaction, talk: Talk) -> None:
    group = await group_of(tx, talk.ana, talk.ben, talk.eve)
    with pytest.raises(Forbidden, match="at least one admin"):
        await set_member_role(
            tx,
            talk.ana,
            SetMemberRole(conversation_id=group.id, user_id=talk.ana.user_id, role="member"),
        )
    await leave_conversation(tx, talk.ana, LeaveConversation(conversation_id=group.id))

    members = await list_members(tx, talk.ben, ListMembers(conversation_id=group.id))
    assert sorted(member.role for member in members.members) == ["admin", "member"]
    assert [event.role for _, event in emitted(tx, "member_updated")] == ["admin"]
    assert await told(tx, talk.ben, group.id) == ["created", "left"]


async def test_an_admin_may_be_made_and_unmade(tx: Transaction, talk: Talk) -> None:
    group = await group_of(tx, talk.ana, talk.ben)
    for role in ("admin", "admin", "member"):
        await set_member_role(
            tx,
            talk.ana,
            SetMemberRole(conversation_id=group.id, user_id=talk.ben.user_id, role=role),
        )
    assert await told(tx, talk.ben, group.id) == ["created", "promoted", "demoted"]


async def test_one_can_only_add_whom_one_may_message(tx: Transaction, talk: Talk) -> None:
    private = await person(tx, "Dan")
    await tx.run("UPDATE users SET messages_from = 'friends' WHERE id = $1", private.user_id)
    with pytest.raises(Forbidden, match="userIds"):
        await group_of(tx, talk.ana, talk.ben, private)
    await block(tx, talk.eve, talk.ana)
    with pytest.raises(NotFound, match="userIds"):
        await group_of(tx, talk.ana, talk.ben, talk.eve)


async def test_members_come_in_pages(tx: Transaction, talk: Talk) -> None:
    others = [await person(tx, f"Person{number}") for number in range(6)]
    group = await group_of(tx, talk.ana, *others)
    seen, cursor = [], None
    while True:
        page = await list_members(
            tx, talk.ana, ListMembers(conversation_id=group.id, limit=3, cursor=cursor)
        )
        seen += [member.user.id for member in page.members]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(actor.user_id for actor in [talk.ana, *others])


async def test_somebody_named_twice_is_in_once(tx: Transaction, talk: Talk) -> None:
    group = await group_of(tx, talk.ana, talk.ben, talk.ben, talk.ana)
    assert group.members_count == 2
    with pytest.raises(InvalidInput, match="somebody else"):
        await group_of(tx, talk.ana, talk.ana)


async def test_who_has_left_keeps_their_name_in_what_they_said(tx: Transaction, talk: Talk) -> None:
    group = await group_of(tx, talk.ana, talk.ben)
    await say(tx, talk.ana, "so long", into=group.id)
    await leave_conversation(tx, talk.ana, LeaveConversation(conversation_id=group.id))

    page = await list_messages(tx, talk.ben, ListMessages(conversation_id=group.id))
    assert {user.name for user in page.users} == {"Ana", "Ben"}
    listed = await list_conversations(tx, talk.ben, ListConversations())
    assert "Ana" in {user.name for user in listed.users}


async def test_nobody_is_in_more_conversations_than_one_may_be(
    tx: Transaction, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "CONVERSATIONS_MAX", 2)
    group = await group_of(tx, talk.ana, talk.eve)
    with pytest.raises(Forbidden, match="userIds"):
        await group_of(tx, talk.ben, talk.ana)
    with pytest.raises(Forbidden, match="conversations already"):
        await say(tx, talk.ana, "hello", to=talk.eve)
    assert (await say(tx, talk.eve, "but here we may talk", into=group.id)).seq == 2


@pytest.mark.parametrize("name", ["\u202eevil", "bell\x07", "\u200b", "nul\x00"])
async def test_a_group_cannot_be_called_what_is_not_seen_as_text(
    tx: Transaction, talk: Talk, name: str
) -> None:
    group = await group_of(tx, talk.ana, talk.ben)
    with pytest.raises(InvalidInput, match="name"):
        await update_conversation(
            tx, talk.ana, UpdateConversation(conversation_id=group.id, name=name)
        )
