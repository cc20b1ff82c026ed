"""Signing in over the socket, and resuming exactly after whatever happened meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import trio

from realtime import resume
from realtime.door import FAULTS_MAX, HAVE_TOPICS_MAX
from realtime.frames import BINARY
from realtime.people import SOCKETS_MAX
from realtime.reader import Belongings, DatabaseReader
from storage.actor import Actor
from storage.database import DatabaseUnavailable
from storage.domains import identity, messaging
from storage.domains.messaging import CreateGroup, SendMessage
from storage.gate import Gate
from storage.ids import ConversationId, SessionId, UserId, new_id
from storage.journal import conversation_topic, user_topic
from storage.limits import CONNECT_LIMIT, Limits
from tests.realtime.conftest import Device, Process
from tests.world import World, another_session


async def write(gate: Gate, author: Actor, conversation_id: ConversationId, text: str) -> None:
    command = SendMessage(conversation_id=conversation_id, text=text, client_id=new_id())
    await gate.perform(messaging.send_message, author, command)


async def make_group(gate: Gate, creator: Actor, *others: Actor) -> ConversationId:
    user_ids = [other.user_id for other in others]
    command = CreateGroup(name="Group", user_ids=user_ids, client_id=new_id())
    return (await gate.perform(messaging.create_group, creator, command)).id


def replayed(device: Device, topic: str) -> list[int]:
    """The seqs told of a topic between `connected` and `caught_up`."""
    events = [said.get("event") for said in device.said]
    between = device.said[events.index("connected") + 1 : events.index("caught_up")]
    return [said["seq"] for said in between if said.get("topic") == topic]


def texts(device: Device) -> list[str]:
    return [push["data"]["text"] for push in device.pushes("new_message")]


async def test_ana_is_told_who_she_is_and_where_her_topics_stand(
    process: Process, gate: Gate, world: World
) -> None:
    group_id = await make_group(gate, world.ana, world.ben)
    device = await process.connect(world.ana)
    connected, caught_up = device.said
    assert connected["id"] == 1
    assert connected["success"] is True
    assert connected["data"]["userId"] == str(world.ana.user_id)
    assert connected["data"]["sessionId"] == str(world.ana.session_id)
    assert connected["data"]["pingSeconds"] == 20
    assert caught_up["data"]["topics"] == {
        user_topic(world.ana.user_id): 1,
        conversation_topic(group_id): 1,
    }


async def test_ben_gets_exactly_what_he_missed(process: Process, gate: Gate, world: World) -> None:
    group_id = await make_group(gate, world.ana, world.ben)
    topic = conversation_topic(group_id)
    before = await process.connect(world.ben)
    await write(gate, world.ana, group_id, "one")
    last = await before.push("new_message", text="one")
    before.gone()
    for text in ("two", "three"):
        await write(gate, world.ana, group_id, text)

    after = await process.connect(world.ben, {topic: last["seq"]})
    assert replayed(after, topic) == [last["seq"] + 1, last["seq"] + 2]
    assert texts(after) == ["two", "three"]
    assert all(push["data"]["clientId"] is None for push in after.pushes("new_message"))

    await write(gate, world.ana, group_id, "four")
    await after.push("new_message", text="four")
    assert texts(after) == ["two", "three", "four"]


async def test_an_author_finds_their_client_ids_in_a_replay(
    process: Process, gate: Gate, world: World
) -> None:
    group_id = await make_group(gate, world.ana, world.ben)
    await write(gate, world.ana, group_id, "mine")
    device = await process.connect(world.ana, {conversation_topic(group_id): 1})
    assert device.pushes("new_message")[0]["data"]["clientId"] is not None


async def test_ben_comes_back_to_a_conversation_that_began_while_he_was_away(
    process: Process, gate: Gate, world: World
) -> None:
    for text in ("Hello", "Are you there?"):
        command = SendMessage(to=world.ben.user_id, text=text, client_id=new_id())
        await gate.perform(messaging.send_message, world.ana, command)
    device = await process.connect(world.ben, {user_topic(world.ben.user_id): 0})
    events = [said["event"] for said in device.said]
    assert events == ["connected", "conversation_added", "new_message", "new_message", "caught_up"]
    assert texts(device) == ["Hello", "Are you there?"]


async def test_a_conversation_that_came_and_went_while_away_is_only_mentioned(
    process: Process, gate: Gate, world: World
) -> None:
    group_id = await make_group(gate, world.ana, world.ben, world.chloe)
    leave = messaging.LeaveConversation(conversation_id=group_id)
    await gate.perform(messaging.leave_conversation, world.ben, leave)
    device = await process.connect(world.ben, {user_topic(world.ben.user_id): 0})
    events = [said["event"] for said in device.said[1:-1]]
    assert events == ["conversation_added", "conversation_removed"]


async def test_who_was_away_while_they_left_and_returned_hears_of_it_first(
    process: Process, gate: Gate, world: World
) -> None:
    group_id = await make_group(gate, world.ana, world.ben)
    leave = messaging.LeaveConversation(conversation_id=group_id)
    await gate.perform(messaging.leave_conversation, world.ben, leave)
    command = messaging.AddMembers(conversation_id=group_id, user_ids=[world.ben.user_id])
    await gate.perform(messaging.add_members, world.ana, command)
    own, topic = user_topic(world.ben.user_id), conversation_topic(group_id)
    device = await process.connect(world.ben, {own: 1, topic: 1})
    told = [said for said in device.said if "seq" in said]
    assert [said["event"] for said in told[:2]] == ["conversation_removed", "conversation_added"]
    assert told[2]["topic"] == topic
    assert told[2]["seq"] == told[1]["data"]["fromSeq"] + 1


async def test_topics_that_are_not_named_start_at_their_tip(
    process: Process, gate: Gate, world: World
) -> None:
    group_id = await make_group(gate, world.ana, world.ben)
    await write(gate, world.ana, group_id, "before")
    device = await process.connect(world.ben)
    assert texts(device) == []


async def test_eve_cannot_resume_what_is_not_hers(
    process: Process, gate: Gate, world: World
) -> None:
    topic = conversation_topic(await make_group(gate, world.ana, world.ben))
    device = await process.connect(world.eve, {topic: 0, user_topic(world.ana.user_id): 0})
    assert [said["event"] for said in device.said] == ["connected", "caught_up"]
    assert list(device.said[1]["data"]["topics"]) == [user_topic(world.eve.user_id)]


async def test_nobody_replays_what_happened_before_they_joined(
    process: Process, gate: Gate, world: World
) -> None:
    group_id = await make_group(gate, world.ana, world.ben)
    await write(gate, world.ana, group_id, "not for Chloe")
    command = messaging.AddMembers(conversation_id=group_id, user_ids=[world.chloe.user_id])
    await gate.perform(messaging.add_members, world.ana, command)
    topic = conversation_topic(group_id)
    device = await process.connect(world.chloe, {topic: 0, user_topic(world.chloe.user_id): 0})
    assert replayed(device, topic)[0] == 3
    assert "not for Chloe" not in texts(device)


async def test_who_has_what_does_not_lead_on_to_their_joining_loads_anew(
    process: Process, gate: Gate, world: World
) -> None:
    """A replay from their joining on would begin with a gap, and they would come back for ever."""
    group_id = await make_group(gate, world.ana, world.ben)
    await write(gate, world.ana, group_id, "not for Chloe")
    command = messaging.AddMembers(conversation_id=group_id, user_ids=[world.chloe.user_id])
    await gate.perform(messaging.add_members, world.ana, command)
    topic = conversation_topic(group_id)
    device = await process.connect(world.chloe, {topic: 0})
    assert replayed(device, topic) == []
    assert [said["data"]["topic"] for said in device.said if said["event"] == "resync"] == [topic]


async def test_too_much_to_replay_is_a_resync(
    process: Process, gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "TOPIC_ENTRIES_MAX", 2)
    group_id = await make_group(gate, world.ana, world.ben)
    for number in range(3):
        await write(gate, world.ana, group_id, f"{number}")
    topic = conversation_topic(group_id)
    device = await process.connect(world.ben, {topic: 1})
    assert device.said[1] == {"event": "resync", "data": {"topic": topic, "seq": 4}}
    assert texts(device) == []


async def test_what_is_no_longer_kept_is_a_resync(
    process: Process, gate: Gate, world: World
) -> None:
    group_id = await make_group(gate, world.ana, world.ben)
    for number in range(3):
        await write(gate, world.ana, group_id, f"{number}")
    topic = conversation_topic(group_id)
    async with gate.database.transaction() as tx:
        await tx.run("DELETE FROM journal WHERE topic = $1 AND seq <= 2", topic)
    device = await process.connect(world.ben, {topic: 1})
    assert device.pushes("resync")[0]["data"] == {"topic": topic, "seq": 4}
    assert texts(device) == []


async def test_a_seq_from_the_future_is_a_resync(
    process: Process, gate: Gate, world: World
) -> None:
    topic = user_topic(world.ana.user_id)
    device = await process.connect(world.ana, {topic: 99})
    assert device.pushes("resync")[0]["data"] == {"topic": topic, "seq": 0}


async def test_a_bad_token_is_refused_and_the_socket_closed(process: Process) -> None:
    device = process.open()
    device.send("connect", {"token": "x.y.z", "have": {}})
    assert device.said[0]["error"]["code"] == "unauthenticated"
    assert await device.closed() == 4005


async def test_an_ended_session_does_not_come_in(
    process: Process, gate: Gate, world: World
) -> None:
    revoke = identity.RevokeSession(session_id=world.ana.session_id)
    await gate.perform(identity.revoke_session, world.ana, revoke)
    device = process.open()
    device.send("connect", {"token": process.token_of(world.ana), "have": {}})
    assert await device.closed() == 4005
    assert device.said[0]["error"]["code"] == "unauthenticated"
    assert process.core.hub.topics == {}


@pytest.mark.parametrize(
    "have",
    [
        {"user:x": -1},
        {"user:x": "1"},
        {f"user:{number}": 1 for number in range(HAVE_TOPICS_MAX + 1)},
        {"user:" + "x" * 100: 1},
        [],
    ],
    ids=["negative", "text", "too many", "too long", "a list"],
)
async def test_a_wrong_have_is_refused_and_may_be_mended(
    process: Process, world: World, have: Any
) -> None:
    device = process.open()
    refusal = await device.ask("connect", {"token": process.token_of(world.ana), "have": have})
    assert refusal["code"] == "invalid_input"
    device.send("connect", {"token": process.token_of(world.ana), "have": {}})
    await device.wait_for(lambda said: said.get("event") == "caught_up")


async def test_nothing_may_be_asked_before_connecting_nor_connecting_twice(
    process: Process, world: World
) -> None:
    stranger = process.open()
    assert (await stranger.ask("ping"))["code"] == "unauthenticated"
    ana = await process.connect(world.ana)
    refusal = await ana.ask("connect", {"token": process.token_of(world.ana), "have": {}})
    assert refusal["code"] == "conflict"
    assert await ana.ask("ping") == {}


async def test_one_person_has_a_limited_number_of_sockets(process: Process, world: World) -> None:
    for _ in range(SOCKETS_MAX):
        await process.connect(world.ana)
    surplus = process.open()
    surplus.send("connect", {"token": process.token_of(world.ana), "have": {}})
    assert await surplus.closed() == 4501
    await process.connect(world.ben)


async def test_many_arrive_together_and_each_gets_their_own(
    process: Process, gate: Gate, world: World
) -> None:
    group_id = await make_group(gate, world.ana, world.ben, world.chloe)
    for number in range(5):
        await write(gate, world.ana, group_id, f"{number}")
    topic = conversation_topic(group_id)
    people = [world.ben, world.chloe] * 8
    devices = []
    for number, actor in enumerate(people):
        device = process.open()
        have = {topic: 1 + number % 6}
        device.send("connect", {"token": process.token_of(actor), "have": have})
        devices.append(device)
    for number, device in enumerate(devices):
        await device.wait_for(lambda said: said.get("event") == "caught_up")
        assert replayed(device, topic) == list(range(2 + number % 6, 7))


async def test_what_is_written_while_ben_arrives_reaches_him_once(
    process: Process, gate: Gate, world: World
) -> None:
    group_id = await make_group(gate, world.ana, world.ben)
    devices = []
    for number in range(20):
        device = process.open()
        token = process.token_of(world.ben)
        device.send("connect", {"token": token, "have": {conversation_topic(group_id): 1}})
        await write(gate, world.ana, group_id, f"{number}")
        devices.append(device)
    for device in devices:
        await device.push("new_message", text="19")
        assert texts(device) == [f"{number}" for number in range(20)]


async def test_binary_is_not_spoken_here(process: Process, world: World) -> None:
    device = await process.connect(world.ana)
    device.send_raw(b"{}", BINARY)
    assert await device.closed() == 1003


async def test_poison_is_answered_until_it_is_too_much(process: Process, world: World) -> None:
    device = await process.connect(world.ana)
    neighbour = await process.connect(world.ben)
    for _ in range(FAULTS_MAX):
        device.send_raw(b"garbage")
    assert [said["id"] for said in device.said[2:]] == [None] * FAULTS_MAX
    assert await device.closed() == 4003
    assert await neighbour.ask("ping") == {}


async def test_who_leaves_leaves_nothing_behind(process: Process, gate: Gate, world: World) -> None:
    await make_group(gate, world.ana, world.ben)
    devices = [await process.connect(actor) for actor in (world.ana, world.ben, world.ana)]
    for device in devices:
        await device.ask("watch_presence", {"userIds": [str(UserId(new_id()))]})
        device.gone()
    assert process.core.hub.topics == {}
    assert len(process.core.people) == 0
    assert len(process.core.watching) == 0


async def test_two_devices_of_one_person_hear_the_same(
    process: Process, gate: Gate, world: World
) -> None:
    async with gate.database.transaction() as tx:
        phone_session: SessionId = await another_session(tx, world.ana, "Ana's phone")
    phone_ana = Actor(user_id=world.ana.user_id, session_id=phone_session)
    laptop, phone = await process.connect(world.ana), await process.connect(phone_ana)
    message = {"to": str(world.ben.user_id), "text": "from the laptop", "clientId": str(new_id())}
    await laptop.ask("send_message", message)
    on_laptop = await laptop.push("new_message", text="from the laptop")
    on_phone = await phone.push("new_message", text="from the laptop")
    assert on_laptop == on_phone
    assert on_phone["data"]["clientId"] == message["clientId"]


async def test_a_loop_of_connecting_is_slowed_down_and_harms_nobody_else(
    process: Process, gate: Gate, world: World
) -> None:
    gate.limits = Limits(1.0, trio.current_time)
    for _ in range(CONNECT_LIMIT):
        (await process.connect(world.ana)).gone()
    device = process.open()
    refusal = await device.ask("connect", {"token": process.token_of(world.ana), "have": {}})
    assert refusal["code"] == "too_many_requests"
    assert refusal["retry"] is True
    assert refusal["retryAfter"] > 0
    assert device.connection.open, "and may ask again when that time has passed"
    await process.connect(world.ben)


async def test_asking_again_and_again_during_an_outage_counts_for_nothing(
    process: Process, gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(reader: DatabaseReader, actors: Sequence[Actor]) -> Belongings:
        raise DatabaseUnavailable("gone")

    gate.limits = Limits(1.0, trio.current_time)
    with monkeypatch.context() as outage:
        outage.setattr(DatabaseReader, "belongings", down)
        for _ in range(2 * CONNECT_LIMIT):
            device = process.open()
            command = {"token": process.token_of(world.ana), "have": {}}
            assert (await device.ask("connect", command))["code"] == "unavailable"
            device.gone()
    await process.connect(world.ana)
