"""What sockets do by themselves when something has happened: close, listen, listen no more."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio

from realtime.arrivals import Arrivals
from realtime.hub import Hub
from realtime.people import People
from realtime.reactions import Reactions
from storage.actor import Actor
from storage.domains import friends, identity, messaging
from storage.domains.friends import OtherUser
from storage.domains.messaging import (
    AddMembers,
    CreateGroup,
    LeaveConversation,
    RemoveMember,
    SendMessage,
)
from storage.gate import Gate, open_gate
from storage.ids import ConversationId, new_id
from storage.journal import Entry, conversation_topic
from storage.settings import Settings
from storage.words import Nothing
from tests.realtime.conftest import Device, Process, running_process
from tests.realtime.fakes import FakeReader, connected_client, entry, seqs_of
from tests.world import World, another_session, make_friends


@pytest.fixture
async def elsewhere(settings: Settings, process: Process) -> AsyncIterator[Process]:
    """A second process over the same database."""
    async with open_gate(settings) as gate, running_process(gate) as process:
        yield process


async def make_group(gate: Gate, creator: Actor, *others: Actor) -> ConversationId:
    user_ids = [other.user_id for other in others]
    command = CreateGroup(name="Group", user_ids=user_ids, client_id=new_id())
    return (await gate.perform(messaging.create_group, creator, command)).id


async def write(gate: Gate, author: Actor, conversation_id: ConversationId, text: str) -> None:
    command = SendMessage(conversation_id=conversation_id, text=text, client_id=new_id())
    await gate.perform(messaging.send_message, author, command)


def texts(device: Device) -> list[str]:
    return [push["data"]["text"] for push in device.pushes("new_message")]


def topic_seqs(device: Device, conversation_id: ConversationId) -> list[int]:
    return seqs_of(device.connection, conversation_topic(conversation_id))


# ---- sessions


async def test_an_ended_session_loses_its_sockets_within_two_seconds(
    process: Process, elsewhere: Process, gate: Gate, world: World
) -> None:
    async with gate.database.transaction() as tx:
        phone_session = await another_session(tx, world.ana, "Ana's phone")
    phone_ana = Actor(user_id=world.ana.user_id, session_id=phone_session)
    phones = [await process.connect(phone_ana), await elsewhere.connect(phone_ana)]
    laptop = await process.connect(world.ana)
    with trio.fail_after(2):
        await laptop.ask("revoke_session", {"sessionId": str(phone_session)})
        for phone in phones:
            assert await phone.closed() == 4500
            assert phone.pushes("session_revoked"), "it hears why"
    assert laptop.connection.open


async def test_ending_all_other_sessions_closes_their_sockets(
    process: Process, gate: Gate, world: World
) -> None:
    async with gate.database.transaction() as tx:
        phone_session = await another_session(tx, world.ana, "Ana's phone")
    phone = await process.connect(Actor(user_id=world.ana.user_id, session_id=phone_session))
    await gate.perform(identity.revoke_other_sessions, world.ana, Nothing())
    assert await phone.closed() == 4500


# ---- conversations


async def test_the_first_message_opens_the_conversation_for_both(
    process: Process, elsewhere: Process, world: World
) -> None:
    ana, ben = await process.connect(world.ana), await elsewhere.connect(world.ben)
    for text in ("one", "two", "three"):
        message = {"to": str(world.ben.user_id), "text": text, "clientId": str(new_id())}
        sent = await ana.ask("send_message", message)
    for device in (ana, ben):
        await device.push("new_message", text="three")
        assert texts(device) == ["one", "two", "three"]
        assert topic_seqs(device, sent["conversationId"]) == [1, 2, 3]
        assert len(device.pushes("conversation_added")) == 1


async def test_a_new_member_hears_all_from_their_joining_on(
    process: Process, elsewhere: Process, gate: Gate, world: World
) -> None:
    group_id = await make_group(gate, world.ana, world.ben)
    here, there = await process.connect(world.chloe), await elsewhere.connect(world.chloe)
    await process.connect(world.ana)
    await write(gate, world.ana, group_id, "before")
    command = AddMembers(conversation_id=group_id, user_ids=[world.chloe.user_id])
    await gate.perform(messaging.add_members, world.ana, command)
    await write(gate, world.ana, group_id, "after")
    for device in (here, there):
        added = await device.push("conversation_added")
        from_seq = added["data"]["fromSeq"]
        await device.push("new_message", text="after")
        seqs = topic_seqs(device, group_id)
        assert seqs == list(range(from_seq + 1, from_seq + 1 + len(seqs)))
        assert "before" not in texts(device)


async def test_a_removed_member_hears_nothing_more(
    process: Process, elsewhere: Process, gate: Gate, world: World
) -> None:
    group_id = await make_group(gate, world.ana, world.ben, world.chloe)
    here, there = await process.connect(world.ben), await elsewhere.connect(world.ben)
    witness = await elsewhere.connect(world.chloe)
    command = RemoveMember(conversation_id=group_id, user_id=world.ben.user_id)
    await gate.perform(messaging.remove_member, world.ana, command)
    await write(gate, world.ana, group_id, "about Ben")
    await witness.push("new_message", text="about Ben")
    for device in (here, there):
        await device.push("conversation_removed")
        assert "about Ben" not in texts(device)
        typing = {"conversationId": str(group_id)}
        assert (await device.ask("typing", typing))["code"] == "not_found"


async def test_who_left_and_was_added_again_hears_what_comes_then(
    process: Process, gate: Gate, world: World
) -> None:
    group_id = await make_group(gate, world.ana, world.ben)
    ben = await process.connect(world.ben)
    await gate.perform(
        messaging.leave_conversation, world.ben, LeaveConversation(conversation_id=group_id)
    )
    await write(gate, world.ana, group_id, "while away")
    command = AddMembers(conversation_id=group_id, user_ids=[world.ben.user_id])
    await gate.perform(messaging.add_members, world.ana, command)
    await write(gate, world.ana, group_id, "welcome back")
    await ben.push("new_message", text="welcome back")
    assert "while away" not in texts(ben)


async def test_a_word_of_removal_that_comes_late_does_not_undo_a_return() -> None:
    """Ben's own topic was quicker than the conversation's: he is back before it says he left."""
    hub, people = Hub(), People()
    arrivals = Arrivals(hub, FakeReader(), ping_seconds=20, arrived=print, failed=print)
    hub.reaction = Reactions(hub, people, arrivals)
    key = conversation_topic(ConversationId(new_id()))
    ben, connection = connected_client()
    other, _ = connected_client()
    people.add(ben)
    hub.subscribe(other, key, 3)
    topic = hub.subscribe(ben, key, 3)
    hub.delay(ben, topic, 5)
    hub.heard(Entry(key, 4, "member_removed", b'{"userId":"%b"}' % ben.user.encode()))
    hub.heard(entry(key, 5))
    hub.heard(entry(key, 6))
    assert seqs_of(connection, key) == [6]
    hub.heard(Entry(key, 7, "member_removed", b'{"userId":"%b"}' % ben.user.encode()))
    hub.heard(entry(key, 8))
    assert seqs_of(connection, key) == [6, 7]


async def test_a_bad_entry_harms_nobody(process: Process, world: World) -> None:
    ana = await process.connect(world.ana)
    topic = f"user:{world.ana.user_id}"
    process.core.heard(Entry(topic, 1, "user_blocked", b'{"user":"nonsense"}'))
    process.core.heard(Entry("user:nonsense", 1, "user_blocked", b"{}"))
    process.core.whispered("presence:nonsense", "presence", b"{}")
    process.core.heard(entry(topic, 2))
    assert seqs_of(ana.connection, topic) == [1, 2]


async def test_whom_an_unreadable_order_concerns_comes_back_and_nobody_else(
    process: Process, world: World
) -> None:
    """It may be Ana's own session that has ended: the database knows."""
    ana, ben = await process.connect(world.ana), await process.connect(world.ben)
    topic = f"user:{world.ana.user_id}"
    process.core.heard(Entry(topic, 1, "session_revoked", b'{"sessionId":"nonsense"}'))
    assert await ana.closed() == 4006
    assert ben.connection.open


# ---- typing and presence


async def test_ben_sees_ana_typing_and_ana_does_not(
    process: Process, elsewhere: Process, gate: Gate, world: World
) -> None:
    group_id = await make_group(gate, world.ana, world.ben)
    ana, ben = await process.connect(world.ana), await elsewhere.connect(world.ben)
    for _ in range(5):
        assert await ana.ask("typing", {"conversationId": str(group_id)}) == {}
    await ana.ask("typing", {"conversationId": str(group_id), "active": False})
    await ben.push("typing", active=False)
    assert [push["data"] for push in ben.pushes("typing")] == [
        {"conversationId": str(group_id), "userId": str(world.ana.user_id), "active": active}
        for active in (True, False)
    ], "one a second, and the end"
    assert ana.pushes("typing") == []


async def test_typing_before_the_first_message_is_no_error(process: Process, world: World) -> None:
    ana = await process.connect(world.ana)
    conversation = await ana.ask("open_direct", {"userId": str(world.ben.user_id)})
    assert await ana.ask("typing", {"conversationId": conversation["id"]}) == {}


async def test_typing_over_http_reaches_sockets(process: Process, gate: Gate, world: World) -> None:
    group_id = await make_group(gate, world.ana, world.ben)
    ben = await process.connect(world.ben)
    await gate.perform(messaging.typing, world.ana, messaging.Typing(conversation_id=group_id))
    await ben.push("typing", active=True)


async def test_eve_may_not_type_where_she_does_not_belong(
    process: Process, gate: Gate, world: World
) -> None:
    group_id = await make_group(gate, world.ana, world.ben)
    eve = await process.connect(world.eve)
    assert (await eve.ask("typing", {"conversationId": str(group_id)}))["code"] == "not_found"


async def test_ana_watches_ben_come_and_go_away_until_he_blocks_her(
    process: Process, elsewhere: Process, gate: Gate, world: World
) -> None:
    await _befriend(gate, world.ana, world.ben)
    ana = await process.connect(world.ana)
    watched = {"userIds": [str(world.ben.user_id), str(world.eve.user_id)]}
    answer = await ana.ask("watch_presence", watched)
    assert [one["state"] for one in answer["presence"]] == ["offline", "offline"]
    ben = await elsewhere.connect(world.ben)
    await elsewhere.connect(world.eve)
    ben_id = str(world.ben.user_id)
    await ana.push("presence", userId=ben_id, state="online")
    assert await ben.ask("set_presence", {"state": "away"}) == {}
    await ana.push("presence", userId=ben_id, state="away")
    await gate.perform(friends.block_user, world.ben, OtherUser(user_id=world.ana.user_id))
    await ana.push("presence", userId=ben_id, state="offline")
    assert {push["data"]["userId"] for push in ana.pushes("presence")} == {ben_id}


async def test_whoever_hides_their_presence_is_offline_at_once(
    process: Process, gate: Gate, world: World
) -> None:
    await _befriend(gate, world.ana, world.ben)
    ana, ben = await process.connect(world.ana), await process.connect(world.ben)
    await ana.ask("watch_presence", {"userIds": [str(world.ben.user_id)]})
    await ana.wait_for(
        lambda said: (
            any(one["state"] == "online" for one in said["data"].get("presence", []))
            or said["data"].get("state") == "online"
        )
    )
    await ben.ask("update_settings", {"presenceTo": "nobody"})
    await ana.push("presence", state="offline")
    await ben.ask("update_settings", {"presenceTo": "friends"})
    with trio.fail_after(5):
        while [push["data"]["state"] for push in ana.pushes("presence")][-1] != "online":
            await ana.connection.news.wait()


async def test_nobody_watches_more_than_they_may(process: Process, world: World) -> None:
    ana = await process.connect(world.ana)
    too_many = {"userIds": [str(new_id()) for _ in range(201)]}
    assert (await ana.ask("watch_presence", too_many))["code"] == "invalid_input"


async def _befriend(gate: Gate, one: Actor, other: Actor) -> None:
    async with gate.database.transaction() as tx:
        await make_friends(tx, one, other)
