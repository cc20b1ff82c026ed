"""Connecting while the bus is late: what was read and what was heard are of different moments.

Two processes over one PostgreSQL. The other one commits, and its bus speaks only when told to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

import pytest

from realtime.arrivals import Arrivals
from realtime.reader import Belongings, DatabaseReader
from storage import housekeeping
from storage.actor import Actor
from storage.domains import identity, messaging
from storage.domains.messaging import (
    AddMembers,
    CreateGroup,
    LeaveConversation,
    RemoveMember,
    SendMessage,
)
from storage.gate import Gate, open_gate
from storage.ids import ConversationId, new_id
from storage.journal import Entry, Span, conversation_topic, user_topic
from storage.settings import Settings
from tests.realtime.conftest import Device, Process
from tests.realtime.fakes import seqs_of
from tests.world import World, another_session


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


@pytest.fixture
async def elsewhere(settings: Settings) -> AsyncIterator[Elsewhere]:
    async with open_gate(settings) as gate:
        elsewhere = Elsewhere(gate)
        gate.bus.publish_many = elsewhere.keep  # type: ignore[method-assign]
        yield elsewhere


async def phone_of(gate: Gate, actor: Actor) -> Actor:
    async with gate.database.transaction() as tx:
        return Actor(user_id=actor.user_id, session_id=await another_session(tx, actor, "phone"))


def texts(device: Device) -> list[str]:
    return [push["data"]["text"] for push in device.pushes("new_message")]


async def test_ben_hears_the_first_message_though_he_connects_before_the_bus_brings_it(
    process: Process, elsewhere: Elsewhere, gate: Gate, world: World
) -> None:
    """His phone listens to his topic already, where the news has not come yet."""
    phone = await process.connect(await phone_of(gate, world.ben))
    own = user_topic(world.ben.user_id)
    command = SendMessage(to=world.ben.user_id, text="Hello", client_id=new_id())
    sent = await elsewhere.gate.perform(messaging.send_message, world.ana, command)
    laptop = await process.connect(world.ben, {own: 0})
    elsewhere.speak_to(process)
    for device in (phone, laptop):
        await device.push("conversation_added")
        await device.push("new_message", text="Hello")
        assert texts(device) == ["Hello"]
        assert seqs_of(device.connection, conversation_topic(sent.conversation_id)) == [1]
        assert seqs_of(device.connection, own) == [1]


async def test_what_was_stored_before_ben_connects_is_told_before_he_is_caught_up(
    process: Process, elsewhere: Elsewhere, gate: Gate, world: World
) -> None:
    group_id = await elsewhere.make_group(world.ana, world.ben)
    topic = conversation_topic(group_id)
    phone = await process.connect(await phone_of(gate, world.ben))
    for text in ("one", "two"):
        await elsewhere.write(world.ana, group_id, text)
    laptop = await process.connect(world.ben, {topic: 1})
    assert texts(laptop) == ["one", "two"]
    assert laptop.pushes("caught_up")[0]["data"]["topics"][topic] == 3
    elsewhere.speak_to(process)
    await elsewhere.write(world.ana, group_id, "three")
    elsewhere.speak_to(process)
    for device in (phone, laptop):
        await device.push("new_message", text="three")
        assert texts(device) == ["one", "two", "three"]


async def test_who_left_and_returned_before_the_bus_said_so_stays_and_hears_all(
    process: Process, elsewhere: Elsewhere, gate: Gate, world: World
) -> None:
    group_id = await elsewhere.make_group(world.ana, world.ben)
    elsewhere.kept.clear()
    phone = await process.connect(await phone_of(gate, world.ben))
    for _ in range(3):
        await elsewhere.leave(world.ben, group_id)
        await elsewhere.write(world.ana, group_id, "about Ben")
        await elsewhere.add(world.ana, group_id, world.ben)
    await elsewhere.write(world.ana, group_id, "welcome back")
    own, topic = user_topic(world.ben.user_id), conversation_topic(group_id)
    laptop = await process.connect(world.ben, {own: 1, topic: 1})
    elsewhere.speak_to(process)
    await elsewhere.write(world.ana, group_id, "and how are you?")
    elsewhere.speak_to(process)
    for device in (phone, laptop):
        await device.push("new_message", text="and how are you?")
        assert "about Ben" not in texts(device)
        assert texts(device)[-2:] == ["welcome back", "and how are you?"]
        assert seqs_of(device.connection, own) == list(range(2, 8))
        added = device.pushes("conversation_added")[-1]["data"]["fromSeq"]
        heard = [seq for seq in seqs_of(device.connection, topic) if seq > added]
        assert heard == list(range(added + 1, added + 1 + len(heard)))


async def connected_while_removed(
    process: Process, gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> Device:
    """Ben's, who was removed just after it was read what he listens to. No other device of his
    is here, but Ana's is. Then she says two things about him."""
    group_id = await group_of(gate, world.ana, world.ben)
    ana = await process.connect(world.ana)
    read = DatabaseReader.belongings

    async def then_removed(reader: DatabaseReader, actors: Sequence[Actor]) -> Belongings:
        monkeypatch.setattr(DatabaseReader, "belongings", read)
        found = await read(reader, actors)
        command = RemoveMember(conversation_id=group_id, user_id=world.ben.user_id)
        await gate.perform(messaging.remove_member, world.ana, command)
        await write(gate, world.ana, group_id, "about Ben")
        return found

    monkeypatch.setattr(DatabaseReader, "belongings", then_removed)
    ben = await process.connect(world.ben, {conversation_topic(group_id): 1})
    await write(gate, world.ana, group_id, "and more about Ben")
    await ana.push("new_message", text="and more about Ben")
    return ben


async def test_who_was_removed_while_connecting_hears_nothing_of_what_follows(
    process: Process, gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = await connected_while_removed(process, gate, world, monkeypatch)
    assert list(ben.pushes("caught_up")[0]["data"]["topics"]) == [user_topic(world.ben.user_id)]
    assert [said["event"] for said in ben.said] == ["connected", "caught_up"]


async def test_if_what_was_read_were_taken_for_the_present_he_would_hear_it(
    process: Process, gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Arrivals, "_outdated", lambda arrivals, subscriptions: [])
    ben = await connected_while_removed(process, gate, world, monkeypatch)
    assert "about Ben" in texts(ben)


async def test_the_word_of_ones_removal_may_be_late_but_nothing_slips_through_before_it(
    process: Process, elsewhere: Elsewhere, gate: Gate, world: World
) -> None:
    """All of it is heard of the group first, and only then that Ben was in it for a while."""
    group_id = await elsewhere.make_group(world.ana, world.chloe)
    elsewhere.kept.clear()
    await process.connect(world.ana)
    ben = await process.connect(world.ben)
    await elsewhere.add(world.ana, group_id, world.ben)
    await elsewhere.write(world.ana, group_id, "welcome, Ben")
    await elsewhere.leave(world.ben, group_id)
    await elsewhere.write(world.ana, group_id, "about Ben")
    elsewhere.speak_to(process, only="conversation:")
    elsewhere.speak_to(process, only="user:")
    assert await ben.closed() == 4006
    own = user_topic(world.ben.user_id)
    again = await process.connect(world.ben, {own: 0})
    assert [said["event"] for said in again.said if "seq" in said] == [
        "conversation_added",
        "conversation_removed",
    ]
    assert texts(ben) == texts(again) == []


async def test_ben_is_removed_while_his_replay_is_being_read(
    process: Process, gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    group_id = await group_of(gate, world.ana, world.ben, world.chloe)
    topic = conversation_topic(group_id)
    for text in ("one", "two"):
        await write(gate, world.ana, group_id, text)
    read = DatabaseReader.between

    async def while_removed(reader: DatabaseReader, spans: Sequence[Span]) -> list[Entry]:
        monkeypatch.setattr(DatabaseReader, "between", read)
        command = RemoveMember(conversation_id=group_id, user_id=world.ben.user_id)
        await gate.perform(messaging.remove_member, world.ana, command)
        await write(gate, world.ana, group_id, "about Ben")
        return await read(reader, spans)

    monkeypatch.setattr(DatabaseReader, "between", while_removed)
    chloe = await process.connect(world.chloe)
    ben = await process.connect(world.ben, {topic: 1})
    await write(gate, world.ana, group_id, "more about Ben")
    await chloe.push("new_message", text="more about Ben")
    await ben.push("conversation_removed")
    told = [said["event"] for said in ben.said]
    assert told.index("caught_up") < told.index("member_removed")
    assert texts(ben) == ["one", "two"]
    assert seqs_of(ben.connection, topic) == [2, 3, 4], "the last is his removal"


async def test_a_group_that_ben_is_added_to_during_his_replay_follows_it(
    process: Process, gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    group_id = await group_of(gate, world.ana, world.ben)
    await write(gate, world.ana, group_id, "one")
    read = DatabaseReader.between

    async def while_added(reader: DatabaseReader, spans: Sequence[Span]) -> list[Entry]:
        monkeypatch.setattr(DatabaseReader, "between", read)
        other_id = await group_of(gate, world.ana, world.ben)
        await write(gate, world.ana, other_id, "in the other group")
        return await read(reader, spans)

    monkeypatch.setattr(DatabaseReader, "between", while_added)
    ben = await process.connect(world.ben, {conversation_topic(group_id): 1})
    await ben.push("new_message", text="in the other group")
    told = [said["event"] for said in ben.said]
    assert told == [
        "connected",
        "new_message",
        "caught_up",
        "conversation_added",
        "new_message",
        "new_message",
    ]
    assert [push["seq"] for push in ben.pushes("new_message")] == [2, 1, 2]


async def test_a_session_that_ends_during_its_replay_is_told_nothing_of_it(
    process: Process, gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    group_id = await group_of(gate, world.ana, world.ben)
    await write(gate, world.ana, group_id, "one")
    phone = await phone_of(gate, world.ben)
    read = DatabaseReader.between

    async def while_revoked(reader: DatabaseReader, spans: Sequence[Span]) -> list[Entry]:
        monkeypatch.setattr(DatabaseReader, "between", read)
        command = identity.RevokeSession(session_id=phone.session_id)
        await gate.perform(identity.revoke_session, world.ben, command)
        return await read(reader, spans)

    monkeypatch.setattr(DatabaseReader, "between", while_revoked)
    device = process.open()
    have = {conversation_topic(group_id): 1}
    device.send("connect", {"token": process.token_of(phone), "have": have})
    assert await device.closed() == 4500
    assert device.said == []


async def test_a_session_that_ends_before_its_snapshot_is_used_does_not_come_in(
    process: Process, gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = await phone_of(gate, world.ben)
    read = DatabaseReader.belongings

    async def then_revoked(reader: DatabaseReader, actors: Sequence[Actor]) -> Belongings:
        monkeypatch.setattr(DatabaseReader, "belongings", read)
        found = await read(reader, actors)
        command = identity.RevokeSession(session_id=phone.session_id)
        await gate.perform(identity.revoke_session, world.ben, command)
        return found

    monkeypatch.setattr(DatabaseReader, "belongings", then_revoked)
    device = process.open()
    device.send("connect", {"token": process.token_of(phone), "have": {}})
    assert await device.closed() == 4005
    assert [said.get("event") for said in device.said] == [None]


async def test_when_ones_own_topic_is_forgotten_what_one_rejoined_is_loaded_anew_too(
    process: Process, elsewhere: Elsewhere, gate: Gate, world: World
) -> None:
    """A day longer away than the journal is kept: nothing says that Ben left and came back."""
    group_id = await elsewhere.make_group(world.ana, world.ben)
    await elsewhere.leave(world.ben, group_id)
    await elsewhere.add(world.ana, group_id, world.ben)
    other_id = await elsewhere.make_group(world.ana, world.ben)
    await elsewhere.write(world.ana, group_id, "welcome back")
    await elsewhere.write(world.ana, other_id, "in the new one")
    own, topic = user_topic(world.ben.user_id), conversation_topic(group_id)
    async with gate.database.transaction() as tx:
        await tx.run(GROWN_OLD, own, housekeeping.JOURNAL_DAYS_KEPT + 1)
        assert await housekeeping.forget_old_entries(tx) == 2
    ben = await process.connect(world.ben, {own: 1, topic: 1})
    told = [(said["event"], said["data"].get("topic")) for said in ben.said[1:-1]]
    assert told == [("resync", own), ("resync", topic)]
    tips = ben.pushes("caught_up")[0]["data"]["topics"]
    assert {said["data"]["topic"]: said["data"]["seq"] for said in ben.pushes("resync")} == {
        own: tips[own],
        topic: tips[topic],
    }
    await write(gate, world.ana, group_id, "live")
    assert (await ben.push("new_message", text="live"))["seq"] == tips[topic] + 1


async def group_of(gate: Gate, creator: Actor, *others: Actor) -> ConversationId:
    return await Elsewhere(gate).make_group(creator, *others)


async def write(gate: Gate, author: Actor, conversation_id: ConversationId, text: str) -> None:
    await Elsewhere(gate).write(author, conversation_id, text)


# All but the newest of a topic.
GROWN_OLD = """
    UPDATE journal SET at = now() - make_interval(days => $2)
     WHERE topic = $1 AND seq BETWEEN 2 AND 3
"""
