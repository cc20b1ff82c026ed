"""What happens to somebody between their `connect` and their `caught_up`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from realtime import resume
from realtime.arrivals import Arrivals
from realtime.reader import Belongings, DatabaseReader
from storage.actor import Actor
from storage.domains import identity, messaging
from storage.domains.messaging import RemoveMember
from storage.gate import Gate, open_gate
from storage.journal import Entry, Span, conversation_topic, user_topic
from storage.settings import Settings
from tests.realtime.conftest import Device, Process, running_process
from tests.realtime.fakes import seqs_of
from tests.realtime.late_bus import group_of, phone_of, texts, write
from tests.world import World


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


async def test_a_crash_in_the_middle_of_a_replay_costs_nothing(
    process: Process, gate: Gate, settings: Settings, world: World
) -> None:
    """Ben got a part of it from one process, and asks another for the rest."""
    group_id = await group_of(gate, world.ana, world.ben)
    topic = conversation_topic(group_id)
    for number in range(10):
        await write(gate, world.ana, group_id, f"{number}")
    first = await process.connect(world.ben, {topic: 1})
    got = texts(first)[:4]
    first.gone()
    async with open_gate(settings) as gate_after, running_process(gate_after) as after:
        second = await after.connect(world.ben, {topic: 1 + len(got)})
        assert got + texts(second) == [f"{number}" for number in range(10)]


async def test_what_is_too_much_for_one_connection_is_loaded_anew_topic_by_topic(
    process: Process, gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the three alone would fit; and so it is with their bytes."""
    topics = []
    for _ in range(3):
        group_id = await group_of(gate, world.ana, world.ben)
        topics.append(conversation_topic(group_id))
        for number in range(4):
            await write(gate, world.ana, group_id, f"{number}")
    have = dict.fromkeys(topics, 1)

    async def told(device: Device) -> dict[str, int]:
        """Of each topic: how much was replayed, or minus one for a resync."""
        resynced = [said["data"]["topic"] for said in device.pushes("resync")]
        return {
            topic: -1 if topic in resynced else len(seqs_of(device.connection, topic))
            for topic in topics
        }

    monkeypatch.setattr(resume, "CONNECTION_ENTRIES_MAX", 10)
    by_entries = await told(await process.connect(world.ben, have))
    assert sorted(by_entries.values()) == [-1, 4, 4]
    monkeypatch.setattr(resume, "CONNECTION_ENTRIES_MAX", 2_000)
    whole = await process.connect(world.ben, have)
    assert sorted((await told(whole)).values()) == [4, 4, 4]
    size = sum(len(msgspec.json.encode(push)) for push in whole.pushes("new_message"))
    monkeypatch.setattr(resume, "REPLAY_BYTES_MAX", size - 100)
    by_bytes = await told(await process.connect(world.ben, have))
    assert sorted(by_bytes.values()) == [-1, 4, 4]
