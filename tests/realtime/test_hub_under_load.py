"""Crowds, people in thousands of conversations, and a bus that never rests."""

from __future__ import annotations

import random

import pytest
import trio
from trio.testing import MockClock

from realtime.hub import Hub
from realtime.repair import COMPARE_SECONDS, PATIENCE_SECONDS, SPAN_ENTRIES_MIN, Repair
from realtime.topic import CROWD_LISTENERS_MIN, Topic
from storage.journal import Entry
from tests.realtime.fakes import FakeReader, connected_client, entry, seqs_of

ROOM = "conversation:room"


@pytest.fixture
def hub() -> Hub:
    return Hub()


async def test_a_crowd_hears_once_each_and_may_leave_in_any_order(hub: Hub) -> None:
    crowd = [connected_client() for _ in range(3 * CROWD_LISTENERS_MIN)]
    for client, _ in crowd + crowd:
        hub.subscribe(client, ROOM, 0)
    hub.heard(entry(ROOM, 1))
    rng = random.Random(1)
    rng.shuffle(crowd)
    for left, (client, _) in enumerate(crowd, 1):
        hub.unsubscribe(client, hub.topics[ROOM])
        hub.unsubscribe(client, Topic(ROOM, 0))
        hub.heard(entry(ROOM, 1 + left))
    for left, (client, connection) in enumerate(crowd, 1):
        assert seqs_of(connection, ROOM) == list(range(1, left + 1))
        assert client.topics == ()
    assert hub.topics == {}


async def test_who_is_dropped_while_a_crowd_is_told_changes_nothing_for_the_others(
    hub: Hub,
) -> None:
    crowd = [connected_client() for _ in range(2 * CROWD_LISTENERS_MIN)]
    for client, _ in crowd:
        hub.subscribe(client, ROOM, 0)

    def drop(frame: bytes) -> None:
        hub.forget(crowd[3][0])

    crowd[3][1].push = drop  # type: ignore[method-assign]
    for seq in (1, 2):
        hub.heard(entry(ROOM, seq))
    for client, connection in crowd:
        if client is not crowd[3][0]:
            assert seqs_of(connection, ROOM) == [1, 2]


async def test_many_topics_are_listened_to_in_one_go(hub: Hub) -> None:
    client, connection = connected_client()
    keys = [f"conversation:{number}" for number in range(3_000)]
    first = hub.subscribe(client, keys[7], 0)
    topics = hub.subscribe_all(client, [(key, 0) for key in keys])
    assert [topic.key for topic in topics] == keys
    assert topics[7] is first
    assert sorted(topic.key for topic in client.topics) == sorted(keys)
    hub.heard(entry(keys[7], 1))
    assert seqs_of(connection, keys[7]) == [1]


async def reads_while_two_speak(hub: Hub, nursery: trio.Nursery) -> int:
    """Two processes speak at once, all the time: every other entry comes a little early."""
    reader = FakeReader()
    client, connection = connected_client()
    hub.subscribe(client, ROOM, 0)
    nursery.start_soon(Repair(hub, reader).run)
    await trio.sleep(0.01)
    before = reader.reads
    for seq in range(1, 201, 2):
        reader.append(entry(ROOM, seq), entry(ROOM, seq + 1))
        hub.heard(entry(ROOM, seq + 1))
        await trio.sleep(0.015)
        hub.heard(entry(ROOM, seq))
    assert seqs_of(connection, ROOM) == list(range(1, 201))
    nursery.cancel_scope.cancel()
    return reader.reads - before


COMPARISONS = 1 + round(200 / 2 * 0.015 / COMPARE_SECONDS)


async def test_a_gap_that_closed_by_itself_costs_no_read_and_leaves_nothing(
    hub: Hub, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    assert await reads_while_two_speak(hub, nursery) <= COMPARISONS
    assert hub.gaps == {}


async def test_if_it_lent_its_age_to_the_next_the_journal_would_be_read_all_the_time(
    hub: Hub, autojump_clock: MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hub, "_note_closed", lambda hub, topic: None)
    assert await reads_while_two_speak(hub, nursery) > 3 * COMPARISONS


async def test_what_has_no_body_is_read_without_waiting_for_the_bus(
    hub: Hub, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    reader = FakeReader()
    client, connection = connected_client()
    hub.subscribe(client, ROOM, 0)
    nursery.start_soon(Repair(hub, reader).run)
    reader.append(entry(ROOM, 1))
    hub.heard(Entry(ROOM, 1, "noted", None))
    await trio.sleep(PATIENCE_SECONDS * 0.9)
    assert seqs_of(connection, ROOM) == [1]
    nursery.cancel_scope.cancel()


async def delivered_of_a_busy_topic(hub: Hub, nursery: trio.Nursery) -> list[int]:
    """It goes on at 5,000 a second up to 30,000, while the first 20,000 are missing."""
    reader = FakeReader()
    client, connection = connected_client()
    hub.subscribe(client, ROOM, 0)
    nursery.start_soon(Repair(hub, reader).run)
    reader.append(*(entry(ROOM, seq) for seq in range(1, 20_001)))
    for seq in range(20_001, 30_001, 100):
        some = [entry(ROOM, each) for each in range(seq, seq + 100)]
        reader.append(*some)
        for one in some:
            hub.heard(one)
        await trio.sleep(0.02)
    await trio.sleep(0.1)
    nursery.cancel_scope.cancel()
    return seqs_of(connection, ROOM)


async def test_a_process_far_behind_catches_up_with_a_busy_topic(
    hub: Hub, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    assert await delivered_of_a_busy_topic(hub, nursery) == list(range(1, 30_001))


async def test_with_small_reads_alone_it_never_would(
    hub: Hub, autojump_clock: MockClock, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.repair.READ_ENTRIES_MAX", SPAN_ENTRIES_MIN)
    got = await delivered_of_a_busy_topic(hub, nursery)
    assert got == list(range(1, len(got) + 1))
    assert len(got) < 15_000
