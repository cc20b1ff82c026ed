"""Connecting while the bus is late: what was read and what was heard are of different moments.

Two processes over one PostgreSQL. The other one commits, and its bus speaks only when told to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio

from storage import housekeeping
from storage.domains import messaging
from storage.domains.messaging import SendMessage
from storage.gate import Gate, open_gate
from storage.ids import new_id
from storage.journal import conversation_topic, user_topic
from storage.settings import Settings
from tests.realtime.conftest import Process
from tests.realtime.fakes import seqs_of
from tests.realtime.late_bus import Elsewhere, group_of, phone_of, texts, write
from tests.world import World


@pytest.fixture
async def elsewhere(settings: Settings) -> AsyncIterator[Elsewhere]:
    async with open_gate(settings) as gate:
        elsewhere = Elsewhere(gate)
        gate.bus.publish_many = elsewhere.keep  # type: ignore[method-assign]
        yield elsewhere


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


async def test_ben_connects_again_and_again_while_another_process_commits(
    process: Process, gate: Gate, settings: Settings, world: World
) -> None:
    """Batches of his conversation are on their way at every moment, over the real bus."""
    group_id = await group_of(gate, world.ana, world.ben)
    topic, count = conversation_topic(group_id), 200
    async with open_gate(settings) as other, trio.open_nursery() as nursery:

        async def say(sender: int) -> None:
            for number in range(sender, count, 4):
                await write(other, world.ana, group_id, f"{number}")

        for sender in range(4):
            nursery.start_soon(say, sender)
        devices = [await process.connect(world.ben, {topic: 1}) for _ in range(25)]
    for device in devices:
        with trio.fail_after(10):
            while len(texts(device)) < count:
                await device.connection.news.wait()
        assert seqs_of(device.connection, topic) == list(range(2, count + 2))


async def test_who_is_added_to_a_group_that_is_behind_here_stays_and_hears_what_follows(
    process: Process, elsewhere: Elsewhere, world: World
) -> None:
    """The news of the joining overtakes what was written in the group before it."""
    group_id = await elsewhere.make_group(world.ana, world.chloe)
    elsewhere.speak_to(process)
    elsewhere.kept.clear()
    await process.connect(world.chloe)
    ben = await process.connect(world.ben)
    await elsewhere.write(world.ana, group_id, "not for Ben")
    await elsewhere.add(world.ana, group_id, world.ben)
    await elsewhere.write(world.ana, group_id, "welcome")
    elsewhere.speak_to(process, only="user:")
    elsewhere.speak_to(process)
    await ben.push("new_message", text="welcome")
    assert "not for Ben" not in texts(ben)
    assert ben.connection.disconnect is None


# All but the newest of a topic.
GROWN_OLD = """
    UPDATE journal SET at = now() - make_interval(days => $2)
     WHERE topic = $1 AND seq BETWEEN 2 AND 3
"""
