"""Entries of the journal that nobody can read: their topic is loaded anew, and all else goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import trio
from trio.testing import MockClock

from realtime import arrivals, hub, repair, resume, wire
from realtime.arrivals import Arrivals
from realtime.disconnects import INTERNAL_ERROR
from realtime.hub import Hub
from realtime.repair import Repair
from realtime.resume import Read
from storage.actor import Actor
from storage.gate import Gate
from storage.ids import ConversationId
from storage.journal import Entry, Span, conversation_topic, user_topic
from tests.faults.talk import make_group, write
from tests.realtime.conftest import PATIENCE_SECONDS, Device, Process
from tests.realtime.fakes import FakeConnection, FakeReader, connected_client, entry
from tests.world import World

POISON = {
    "wrong types": '{"senderId": 7}',
    "no object": "[1, 2, 3]",
    "a field twice": '{"senderId":"a","clientId":"b","x":{"clientId":"b"}}',
    "spelt otherwise": '{"senderId": "a", "clientId" : "b"}',
}

CORRUPT = "UPDATE journal SET kind = $3, body = $4::json WHERE topic = $1 AND seq = $2"


@dataclass(frozen=True)
class Return:
    """How Ben and Chloe fared, who came back together: he to a poisoned group, she to another."""

    ben: Device
    chloe: Device
    poisoned: str
    sound: str
    own: str

    @property
    def codes(self) -> list[int | None]:
        return [device.connection.close_code for device in (self.ben, self.chloe)]

    def told(self, device: Device, topic: str) -> list[int]:
        return [said["seq"] for said in device.said if said.get("topic") == topic]

    @property
    def resyncs(self) -> list[Any]:
        return [push["data"] for push in self.ben.pushes("resync")]


async def come_back(
    gate: Gate, process: Process, world: World, spoil: Callable[[str, str], Awaitable[int]]
) -> Return:
    """Four things were said in each group while they were away; `spoil` spoils some of it."""
    group = await make_group(gate, world.ana, world.ben)
    other = await make_group(gate, world.ana, world.ben, world.chloe)
    for number in range(4):
        await write(gate, world.ana, group, f"{number} while Ben was away")
        await write(gate, world.ana, other, f"{number} while both were away")
    poisoned, sound = conversation_topic(group), conversation_topic(other)
    own = user_topic(world.ben.user_id)
    await spoil(poisoned, own)
    ben = connecting(process, world.ben, {poisoned: 1, sound: 1, own: 0})
    chloe = connecting(process, world.chloe, {sound: 1, user_topic(world.chloe.user_id): 0})
    for device in (ben, chloe):
        with trio.move_on_after(PATIENCE_SECONDS):
            while not device.pushes("caught_up") and device.connection.open:
                await device.connection.news.wait()
    return Return(ben, chloe, poisoned, sound, own)


def connecting(process: Process, actor: Actor, have: dict[str, int]) -> Device:
    device = process.open()
    device.send("connect", {"token": process.token_of(actor), "have": have})
    return device


def spoiler(gate: Gate, body: str) -> Callable[[str, str], Awaitable[int]]:
    async def spoil(poisoned: str, own: str) -> int:
        async with gate.database.transaction() as tx:
            return await tx.run(CORRUPT, poisoned, 3, "new_message", body)

    return spoil


@pytest.mark.parametrize("body", POISON.values(), ids=POISON)
async def test_ben_loads_one_group_anew_and_goes_on_and_chloe_notices_nothing(
    gate: Gate, process: Process, world: World, body: str
) -> None:
    back = await come_back(gate, process, world, spoiler(gate, body))
    assert back.codes == [None, None]
    assert back.resyncs == [{"topic": back.poisoned, "seq": 5}]
    assert back.told(back.ben, back.poisoned) == []
    for device in (back.ben, back.chloe):
        assert back.told(device, back.sound) == [2, 3, 4, 5]
    await write(gate, world.ana, _id_of(back.poisoned), "and on")
    assert (await back.ben.push("new_message", text="and on"))["seq"] == 6


async def test_where_one_bad_entry_fails_all_that_test_would_see_it(
    gate: Gate, process: Process, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_arrivals(monkeypatch)
    back = await come_back(gate, process, world, spoiler(gate, POISON["wrong types"]))
    assert back.codes == [1011, 1011], "he is locked out, and she with him"


def break_arrivals(monkeypatch: pytest.MonkeyPatch) -> None:
    """One who fails ends the batch, and with it everybody in it."""

    async def together(self: Arrivals, batch: Sequence[Any]) -> None:
        try:
            some = await self._subscribe_all(list(batch))
            await self._catch_up(some)
        except Exception:
            for item in batch:
                item.client.connection.close(INTERNAL_ERROR)

    def word(read: Read, one: Entry) -> wire.Push:
        return wire.push(one)

    monkeypatch.setattr(Read, "_word", word)
    monkeypatch.setattr(arrivals, "goes_well", lambda item, step, *values: step(*values))
    monkeypatch.setattr(Arrivals, "_admit", together)


async def test_news_of_a_conversation_that_nobody_can_read_are_a_list_to_load_anew(
    gate: Gate, process: Process, world: World
) -> None:
    async def spoil(poisoned: str, own: str) -> int:
        async with gate.database.transaction() as tx:
            return await tx.run(CORRUPT, own, 1, "conversation_added", '{"conversation": 7}')

    back = await come_back(gate, process, world, spoil)
    assert back.codes == [None, None]
    assert back.resyncs == [{"topic": back.own, "seq": 2}]
    for topic in (back.poisoned, back.sound):
        assert back.told(back.ben, topic) == [2, 3, 4, 5]


async def test_a_kind_of_a_newer_version_is_passed_on_as_it_is(
    gate: Gate, process: Process, world: World
) -> None:
    async def spoil(poisoned: str, own: str) -> int:
        async with gate.database.transaction() as tx:
            return await tx.run(CORRUPT, poisoned, 3, "reaction_added", '{"emoji": "wave"}')

    back = await come_back(gate, process, world, spoil)
    assert back.codes == [None, None]
    assert back.told(back.ben, back.poisoned) == [2, 3, 4, 5]
    assert back.resyncs == []


async def test_who_breaks_something_while_arriving_is_the_only_one_to_go(
    gate: Gate, process: Process, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it may be: one more bug of ours than those above."""
    monkeypatch.setattr(resume, "replay", _failing_for(str(world.ben.user_id), resume.replay))

    async def spoil_nothing(poisoned: str, own: str) -> int:
        return 0

    back = await come_back(gate, process, world, spoil_nothing)
    assert back.codes == [1011, None]
    assert back.told(back.chloe, back.sound) == [2, 3, 4, 5]


def _failing_for(user: str, replay: Callable[..., Any]) -> Callable[..., Any]:
    def fails(plan: object, read: object, for_user: str, *, bytes_max: int) -> Any:
        if for_user == user:
            raise RuntimeError("what nobody thought of")
        return replay(plan, read, for_user, bytes_max=bytes_max)

    return fails


def _id_of(topic: str) -> ConversationId:
    return ConversationId(UUID(topic.partition(":")[2]))


# ---- live


ROOM, NEXT_DOOR = "conversation:room", "conversation:next-door"


async def heard_live(nursery: trio.Nursery, *, over_repair: bool) -> tuple[Any, Any]:
    """What Ana hears of two topics, in the first of which the fourth entry is poison."""
    listening, reader = Hub(), FakeReader()
    ana, connection = connected_client()
    for key in (ROOM, NEXT_DOOR):
        listening.subscribe(ana, key, 0)
    nursery.start_soon(Repair(listening, reader).run)
    poison = Entry(ROOM, 4, "new_message", POISON["wrong types"].encode())
    entries = [poison if seq == 4 else entry(ROOM, seq) for seq in range(1, 9)]
    entries += [entry(NEXT_DOOR, seq) for seq in range(1, 9)]
    reader.append(*entries)
    for one in entries:
        # Over the bus come all, or the last of each alone, so that the others must be read.
        if not over_repair or one.seq == 8:
            try:
                listening.heard(one)
            except Exception:
                continue  # As the core does.
    await trio.sleep(10)
    return told(connection, ROOM), told(connection, NEXT_DOOR)


def told(connection: FakeConnection, topic: str) -> list[Any]:
    """Seqs of pushes, and `("resync", seq)` for each advice."""
    found: list[Any] = []
    for said in connection.said:
        if said["event"] == "resync" and said["data"]["topic"] == topic:
            found.append(("resync", said["data"]["seq"]))
        elif said.get("topic") == topic:
            found.append(said["seq"])
    return found


ALL = list(range(1, 9))
ALL_BUT_THE_FOURTH = [1, 2, 3, ("resync", 4), 5, 6, 7, 8]


@pytest.mark.parametrize("over_repair", [False, True])
async def test_ana_is_told_which_topic_to_load_anew_and_hears_the_rest(
    over_repair: bool, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    heard = await heard_live(nursery, over_repair=over_repair)
    assert heard == (ALL_BUT_THE_FOURTH, ALL)
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("over_repair", [False, True])
async def test_where_it_is_only_skipped_that_test_would_see_the_silence(
    over_repair: bool,
    autojump_clock: MockClock,
    nursery: trio.Nursery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub, "_worded", wire.push)
    of_the_room, _ = await heard_live(nursery, over_repair=over_repair)
    assert of_the_room == [1, 2, 3, 5, 6, 7, 8]
    nursery.cancel_scope.cancel()


class HalfReadable(FakeReader):
    """A journal in which what belongs to the room cannot be read, as on a broken disk."""

    async def between(self, spans: Sequence[Span]) -> list[Entry]:
        if any(key == ROOM for key, _, _ in spans):
            self.reads += 1
            raise RuntimeError("invalid page in block 7")
        return await super().between(spans)


async def gaps_closed(nursery: trio.Nursery) -> tuple[list[Any], int | None, int]:
    """What Ben hears next door, how Ana fares in the room, and how often the journal was read."""
    listening, reader = Hub(), HalfReadable()
    ana, anas = connected_client()
    ben, bens = connected_client()
    listening.subscribe(ana, ROOM, 0)
    for number in range(20):
        listening.subscribe(ben, f"{NEXT_DOOR}-{number}", 0)
    nursery.start_soon(Repair(listening, reader).run)
    for key in (ROOM, *(f"{NEXT_DOOR}-{number}" for number in range(20))):
        reader.append(*(entry(key, seq) for seq in (1, 2, 3)))
        listening.heard(entry(key, 3))
    await trio.sleep(60)
    return told(bens, f"{NEXT_DOOR}-19"), anas.close_code, reader.reads


async def test_a_gap_that_cannot_be_read_does_not_keep_the_others_open(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    next_door, anas_code, reads = await gaps_closed(nursery)
    assert next_door == [1, 2, 3]
    assert anas_code == 4006, "she comes back, and is told to load it anew"
    assert reads < 200, "nor is it tried for ever"
    nursery.cancel_scope.cancel()


async def test_read_together_only_that_test_would_see_them_stay_open(
    autojump_clock: MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def together(reader: FakeReader, spans: Sequence[Span]) -> list[Entry]:
        return await reader.between(spans)

    monkeypatch.setattr(repair, "between_apart", together)
    next_door, anas_code, _ = await gaps_closed(nursery)
    assert (next_door, anas_code) == ([], None)
    nursery.cancel_scope.cancel()
