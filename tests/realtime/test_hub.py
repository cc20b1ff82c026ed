"""Delivery in order and without gaps, whatever the bus does. Time is the mock clock's."""

from __future__ import annotations

import random

import msgspec
import pytest
import trio
from trio.testing import MockClock

from realtime.hub import EARLY_ENTRIES_MAX, Hub
from realtime.repair import COMPARE_SECONDS, Repair
from realtime.topic import Topic
from storage.ids import new_id
from storage.journal import Entry
from tests.realtime.fakes import FakeReader, connected_client, entry, seqs_of

ROOM = "conversation:room"


@pytest.fixture
def hub() -> Hub:
    return Hub()


async def deliver_badly(hub: Hub, entries: list[Entry], rng: random.Random) -> None:
    """As the worst of buses would: a fifth lost, a fifth doubled, all of it out of order."""
    heard = [one for one in entries if rng.random() > 0.2]
    heard += rng.sample(heard, len(heard) // 5)
    late = sorted((index + rng.uniform(0, 8), index) for index in range(len(heard)))
    for _, index in late:
        hub.heard(heard[index])
        await trio.sleep(rng.choice([0, 0, 0.01, 0.2]))


async def delivered(seed: int, *, repairs: bool, nursery: trio.Nursery) -> list[list[int]]:
    """What Ana's connection got of three topics of 60 entries over a bad bus."""
    rng = random.Random(seed)
    hub, reader = Hub(), FakeReader()
    client, connection = connected_client()
    topics = [f"conversation:{name}" for name in ("one", "two", "three")]
    entries = [entry(topic, seq) for seq in range(1, 61) for topic in topics]
    reader.append(*entries)
    for topic in topics:
        hub.subscribe(client, topic, 0)
    if repairs:
        nursery.start_soon(Repair(hub, reader).run)
    await deliver_badly(hub, entries, rng)
    await trio.sleep(3 * COMPARE_SECONDS)
    assert hub.early_entries == 0 or not repairs
    return [seqs_of(connection, topic) for topic in topics]


@pytest.mark.parametrize("seed", range(20))
async def test_every_topic_arrives_whole_and_in_order_over_a_bad_bus(
    seed: int, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    assert await delivered(seed, repairs=True, nursery=nursery) == [list(range(1, 61))] * 3
    nursery.cancel_scope.cancel()


async def test_without_repair_the_same_bus_leaves_gaps(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    for got in await delivered(0, repairs=False, nursery=nursery):
        assert got == list(range(1, len(got) + 1)), "even then nothing comes out of order"
        assert len(got) < 60


async def test_a_lost_last_entry_arrives_within_seconds(
    hub: Hub, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    reader = FakeReader()
    client, connection = connected_client()
    hub.subscribe(client, ROOM, 0)
    nursery.start_soon(Repair(hub, reader).run)
    reader.append(entry(ROOM, 1))
    await trio.sleep(2 * COMPARE_SECONDS)
    assert seqs_of(connection, ROOM) == [1]
    nursery.cancel_scope.cancel()


async def test_after_a_loss_tips_are_compared_at_once(
    hub: Hub, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    reader = FakeReader()
    client, connection = connected_client()
    hub.subscribe(client, ROOM, 0)
    nursery.start_soon(Repair(hub, reader).run)
    await trio.sleep(0.1)
    reader.append(entry(ROOM, 1))
    hub.lost()
    await trio.sleep(0.2)
    assert seqs_of(connection, ROOM) == [1]
    nursery.cancel_scope.cancel()


async def test_an_outage_of_the_database_delays_and_loses_nothing(
    hub: Hub, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    reader = FakeReader()
    reader.is_down = True
    client, connection = connected_client()
    hub.subscribe(client, ROOM, 0)
    nursery.start_soon(Repair(hub, reader).run)
    reader.append(entry(ROOM, 1), entry(ROOM, 2))
    hub.heard(entry(ROOM, 2))
    await trio.sleep(5)
    assert connection.said == []
    reader.is_down = False
    await trio.sleep(2)
    assert seqs_of(connection, ROOM) == [1, 2]
    nursery.cancel_scope.cancel()


async def test_who_cannot_be_told_in_order_is_told_to_come_back(
    hub: Hub, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    client, connection = connected_client()
    hub.subscribe(client, ROOM, 0)
    nursery.start_soon(Repair(hub, FakeReader()).run)
    hub.heard(entry(ROOM, 2))
    await trio.sleep(1)
    assert connection.close_code == 4006
    assert hub.topics == {}
    nursery.cancel_scope.cancel()


async def test_after_a_restore_people_are_told_to_load_anew(
    hub: Hub, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    reader = FakeReader()
    client, connection = connected_client()
    hub.subscribe(client, ROOM, 5)
    nursery.start_soon(Repair(hub, reader).run)
    reader.append(entry(ROOM, 1))
    await trio.sleep(2 * COMPARE_SECONDS)
    assert connection.close_code == 4006
    nursery.cancel_scope.cancel()


async def test_what_did_not_fit_through_the_bus_is_read_from_the_journal(
    hub: Hub, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    reader = FakeReader()
    client, connection = connected_client()
    hub.subscribe(client, ROOM, 0)
    nursery.start_soon(Repair(hub, reader).run)
    reader.append(entry(ROOM, 1))
    hub.heard(Entry(ROOM, 1, "noted", None))
    await trio.sleep(0.5)
    assert seqs_of(connection, ROOM) == [1]
    nursery.cancel_scope.cancel()


async def test_what_was_heard_while_subscriptions_were_read_is_not_missed(
    hub: Hub, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    reader = FakeReader()
    client, connection = connected_client()
    nursery.start_soon(Repair(hub, reader).run)
    await trio.sleep(0.01)
    hub.loading_starts()
    reader.append(entry(ROOM, 5), entry(ROOM, 6))
    hub.heard(entry(ROOM, 6))
    hub.subscribe(client, ROOM, 5)  # The tip was read before entry 6.
    hub.loading_ends()
    await trio.sleep(0.2)
    assert seqs_of(connection, ROOM) == [6]
    nursery.cancel_scope.cancel()


async def test_what_the_bus_lost_while_subscriptions_were_read_is_not_missed_either(
    hub: Hub, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    reader = FakeReader()
    client, connection = connected_client()
    nursery.start_soon(Repair(hub, reader).run)
    await trio.sleep(0.01)
    hub.loading_starts()
    reader.append(entry(ROOM, 5), entry(ROOM, 6))
    hub.lost()  # Entry 6, perhaps: nobody listens to the room yet.
    hub.subscribe(client, ROOM, 5)
    hub.loading_ends()
    await trio.sleep(0.2)
    assert seqs_of(connection, ROOM) == [6]
    nursery.cancel_scope.cancel()


async def test_hearing_of_too_many_topics_while_loading_costs_a_comparison_and_no_memory(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.hub.UNHEARD_TOPICS_MAX", 2)
    client, _ = connected_client()
    hub.loading_starts()
    for number in range(5):
        hub.heard(entry(f"conversation:{number}", 1))
    hub.subscribe(client, "conversation:4", 0)
    assert hub.doubted == {"conversation:4"}
    hub.loading_ends()
    hub.subscribe(client, "conversation:3", 0)
    assert hub.doubted == {"conversation:4"}, "what was forgotten ended with the loading"


async def test_early_entries_are_bounded(hub: Hub) -> None:
    client, _ = connected_client()
    hub.subscribe(client, ROOM, 0)
    for seq in range(2, 3 * EARLY_ENTRIES_MAX):
        hub.heard(entry(ROOM, seq))
    assert hub.early_entries == EARLY_ENTRIES_MAX


async def test_who_unsubscribes_leaves_nothing_behind(hub: Hub) -> None:
    clients = [connected_client()[0] for _ in range(3)]
    for client in clients:
        for number in range(10):
            hub.subscribe(client, f"conversation:{number}", 0)
    for number in range(10):
        hub.heard(entry(f"conversation:{number}", 2))
        hub.lost()
    for client in clients:
        for topic in client.topics[:5]:
            hub.unsubscribe(client, topic)
        hub.forget(client)
        hub.forget(client)
    assert (hub.topics, hub.gaps, hub.doubted, hub.early_entries) == ({}, {}, set(), 0)
    assert all(client.topics == () for client in clients)


async def test_listening_twice_is_hearing_once(hub: Hub) -> None:
    client, connection = connected_client()
    hub.subscribe(client, ROOM, 0)
    hub.subscribe(client, ROOM, 0)
    hub.heard(entry(ROOM, 1))
    assert seqs_of(connection, ROOM) == [1]


async def test_a_late_joiner_hears_nothing_from_before(hub: Hub) -> None:
    ana, ben = connected_client(), connected_client()
    topic = hub.subscribe(ana[0], ROOM, 0)
    hub.subscribe(ben[0], ROOM, 0)
    hub.delay(ben[0], topic, 2)
    for seq in range(1, 5):
        hub.heard(entry(ROOM, seq))
    assert seqs_of(ana[1], ROOM) == [1, 2, 3, 4]
    assert seqs_of(ben[1], ROOM) == [3, 4]
    assert topic.late is None


async def test_only_the_author_sees_a_client_id(hub: Hub) -> None:
    ana, ben = connected_client(), connected_client()
    for client, _ in (ana, ben):
        hub.subscribe(client, ROOM, 0)
    client_id = str(new_id())
    text = f'"clientId":"{client_id}"'  # As if somebody wrote a field into their text.
    body = {"senderId": ana[0].user, "text": text, "clientId": client_id}
    hub.heard(Entry(ROOM, 1, "new_message", msgspec.json.encode(body)))
    assert ana[1].said[0]["data"] == body
    assert ben[1].said[0]["data"] == body | {"clientId": None}


async def test_a_neighbour_who_is_gone_or_slow_changes_nothing_for_others(hub: Hub) -> None:
    slow, quick = connected_client(), connected_client()
    hub.subscribe(slow[0], ROOM, 0)
    hub.subscribe(quick[0], ROOM, 0)

    def drop(frame: bytes) -> None:
        hub.forget(slow[0])

    slow[1].push = drop  # type: ignore[method-assign]  # The reactor may drop it right there.
    for seq in (1, 2, 3):
        hub.heard(entry(ROOM, seq))
    assert seqs_of(quick[1], ROOM) == [1, 2, 3]
    assert hub.topics[ROOM].listeners == (quick[0],)


async def test_a_reaction_comes_after_the_delivery_and_in_order() -> None:
    seen: list[tuple[int, int]] = []
    client, connection = connected_client()

    def react(topic: Topic, entry: Entry) -> None:
        seen.append((entry.seq, len(connection.said)))

    hub = Hub()
    hub.reaction = react
    hub.subscribe(client, ROOM, 0)
    for seq in (2, 3, 1):
        hub.heard(entry(ROOM, seq))
    assert seen == [(1, 1), (2, 2), (3, 3)]


async def test_held_pushes_stand_behind_the_replay(hub: Hub) -> None:
    client, connection = connected_client()
    hub.subscribe(client, ROOM, 1)
    client.hold()
    client.hold()
    hub.heard(entry(ROOM, 2))
    client.release()
    assert connection.said == [], "two replays are on their way"
    client.release()
    hub.heard(entry(ROOM, 3))
    assert seqs_of(connection, ROOM) == [2, 3]


async def test_too_much_held_ends_the_connection(hub: Hub) -> None:
    client, connection = connected_client()
    hub.subscribe(client, ROOM, 0)
    client.hold()
    for seq in range(1, 1200):
        hub.heard(entry(ROOM, seq))
    assert connection.close_code == 4006
