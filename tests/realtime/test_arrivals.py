"""Arriving while things fail or race. Time is the mock clock's; the database is in memory."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from realtime import resume
from realtime.arrivals import Arrivals
from realtime.arriving import Arrival
from realtime.client import Client
from realtime.frames import frame
from realtime.hub import Hub
from realtime.reader import Belongings
from realtime.repair import Repair
from storage.actor import Actor
from storage.domains.messaging import Subscription
from storage.ids import SessionId, UserId, new_id
from storage.journal import user_topic
from tests.realtime.fakes import FakeConnection, FakeReader, connected_client, entry, seqs_of

ROOM = "conversation:room"


class Hall:
    """Where connections arrive. Ana is a member of one room."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.hub, self.reader = Hub(), FakeReader()
        self.arrived: list[Client] = []
        self.failed: list[Client] = []
        self.arrivals = Arrivals(
            self.hub,
            self.reader,
            ping_seconds=20,
            arrived=self.arrived.append,
            failed=self.failed.append,
        )
        nursery.start_soon(self.arrivals.run)
        nursery.start_soon(Repair(self.hub, self.reader).run)
        self.ana = Actor(user_id=UserId(new_id()), session_id=SessionId(new_id()))
        self.own = user_topic(self.ana.user_id)
        self.now_at(room=0)

    def now_at(self, *, room: int, own: int = 0) -> None:
        """What a snapshot of the database says from now on."""
        subscriptions = [Subscription(self.own, own, 0), Subscription(ROOM, room, 0)]
        sessions = {self.ana.session_id}
        self.reader.found = Belongings(sessions, {self.ana.user_id: subscriptions})
        self.reader.append(*(entry(ROOM, seq) for seq in range(1, room + 1)))
        self.reader.append(*(entry(self.own, seq) for seq in range(1, own + 1)))

    def connect(self, have: dict[str, int] | None = None) -> FakeConnection:
        connection = FakeConnection()
        client = connection.state = Client(connection.as_connection)
        client.user, client.is_arriving = str(self.ana.user_id), True
        self.arrivals.add(Arrival(client, 1, self.ana, have or {}))
        return connection


def events(connection: FakeConnection) -> list[str | None]:
    return [said.get("event") for said in connection.said]


async def test_without_a_database_one_is_told_to_ask_again(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    hall = Hall(nursery)
    hall.reader.is_down = True
    connection = hall.connect()
    await trio.sleep(1)
    assert connection.said[0]["error"]["code"] == "unavailable"
    assert hall.failed == [connection.state]
    assert hall.hub.topics == {}
    hall.reader.is_down = False
    again = hall.connect()
    await trio.sleep(1)
    assert events(again) == ["connected", "caught_up"]
    nursery.cancel_scope.cancel()


async def test_who_cannot_be_told_what_they_missed_comes_back(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    hall = Hall(nursery)
    hall.now_at(room=3)
    answer = hall.reader.belongings

    async def then_down(actors: object) -> Belongings:
        found = await answer([])
        hall.reader.is_down = True
        return found

    hall.reader.belongings = then_down  # type: ignore[method-assign]
    connection = hall.connect({ROOM: 1})
    await trio.sleep(1)
    assert connection.close_code == 4006
    nursery.cancel_scope.cancel()


async def test_a_bug_in_one_batch_ends_its_connections_and_no_others(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    hall = Hall(nursery)
    good = hall.reader.found
    hall.reader.found = Belongings({hall.ana.session_id}, {})
    unlucky = hall.connect()
    await trio.sleep(1)
    assert unlucky.close_code == 1011
    hall.reader.found = good
    lucky = hall.connect()
    await trio.sleep(1)
    assert events(lucky) == ["connected", "caught_up"]
    nursery.cancel_scope.cancel()


async def test_a_process_that_lags_behind_the_journal_loses_nothing_for_newcomers(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    hall = Hall(nursery)
    first = hall.connect()
    await trio.sleep(0.01)
    hall.now_at(room=4)  # The bus has brought none of the four so far.
    second = hall.connect({ROOM: 0})
    await trio.sleep(1)
    assert seqs_of(first, ROOM) == seqs_of(second, ROOM) == [1, 2, 3, 4]
    nursery.cancel_scope.cancel()


async def test_a_snapshot_older_than_what_was_heard_is_read_again(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    hall = Hall(nursery)
    hall.connect()
    await trio.sleep(0.01)
    hall.hub.heard(entry(hall.own, 1))
    connection = hall.connect()
    for _ in range(3):
        await trio.lowlevel.checkpoint()
    assert connection.said == []
    hall.now_at(room=0, own=1)
    await trio.sleep(1)
    assert connection.said[-1]["data"]["topics"][hall.own] == 1
    nursery.cancel_scope.cancel()


async def test_a_journal_that_has_gone_back_sends_everybody_to_load_anew(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    hall = Hall(nursery)
    before = hall.connect()
    await trio.sleep(0.01)
    hall.hub.heard(entry(hall.own, 1))  # A restore has lost it since.
    after = hall.connect({hall.own: 1})
    await trio.sleep(1)
    assert before.close_code == 4006
    assert events(after) == ["connected", "resync", "caught_up"]
    nursery.cancel_scope.cancel()


async def test_joining_a_live_conversation_replays_from_the_joining_on(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    hall = Hall(nursery)
    hall.connect()
    connection = hall.connect()
    await trio.sleep(0.01)
    client = connection.state
    hall.hub.unsubscribe(client, hall.hub.topics[ROOM])
    for seq in range(1, 6):
        hall.reader.append(entry(ROOM, seq))
        hall.hub.heard(entry(ROOM, seq))
    hall.arrivals.join(client, ROOM, 2)
    hall.reader.append(entry(ROOM, 6))
    hall.hub.heard(entry(ROOM, 6))
    await trio.sleep(1)
    assert seqs_of(connection, ROOM) == [3, 4, 5, 6]
    hall.arrivals.join(client, ROOM, 2)
    await trio.sleep(1)
    assert seqs_of(connection, ROOM) == [3, 4, 5, 6], "twice is once"
    nursery.cancel_scope.cancel()


async def test_who_left_before_arriving_leaves_nothing_behind(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    hall = Hall(nursery)
    connection = hall.connect()
    connection.state.fall_behind()
    await trio.sleep(1)
    assert hall.hub.topics == {}
    assert hall.arrived == []
    nursery.cancel_scope.cancel()


async def test_a_storm_is_loaded_in_batches(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    hall = Hall(nursery)
    hall.now_at(room=50)
    connections = [hall.connect({ROOM: 0}) for _ in range(1000)]
    before = hall.reader.reads
    await trio.sleep(0.04)
    assert hall.reader.reads - before < 60, "one for who they are, few for what they missed"
    assert all(seqs_of(one, ROOM) == list(range(1, 51)) for one in connections)
    nursery.cancel_scope.cancel()


# ---- plans and replays


def test_a_connection_is_replayed_so_much_and_no_more() -> None:
    plan = resume.Plan()
    for number in range(15):
        plan.add(f"{number}", have=0, from_seq=0, here=900)
    assert plan.entries <= resume.CONNECTION_ENTRIES_MAX
    assert len(plan.spans) == resume.CONNECTION_ENTRIES_MAX // 900
    assert len(plan.resyncs) == 15 - len(plan.spans)


def test_a_topic_comes_whole_or_not_at_all() -> None:
    plan = resume.Plan()
    plan.add("small", have=0, from_seq=0, here=1)
    plan.add("large", have=0, from_seq=0, here=3)
    read = resume.Read()
    read.add([entry("small", 1), *(entry("large", seq) for seq in (1, 2, 3))])
    frames = list(resume.replay(plan, read, "ana", bytes_max=150))
    assert len(frames) == 2
    assert b'"small"' in frames[0]
    assert b'"resync"' in frames[1]


def test_a_replay_stands_where_the_news_of_joining_was_held() -> None:
    """Ana is still arriving when she is added to a group: first she must hear that she is in."""
    client, connection = connected_client()
    client.hold()
    client.hear(frame(b'{"event":"conversation_added"}'))
    place = client.keep_place()
    client.hear(frame(b'{"event":"live in the group"}'))
    client.fill_place(place, frame(b'{"event":"replayed"}'))
    client.release()
    assert connection.said == [], "her own arrival is not over"
    client.release()
    assert [said["event"] for said in connection.said] == [
        "conversation_added",
        "replayed",
        "live in the group",
    ]
