"""Who is there, over devices and processes. Time is the mock clock's; leases are in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
import trio
from trio.testing import MockClock

from realtime import presence
from realtime.client import Client
from realtime.disconnects import NORMAL
from realtime.people import People
from realtime.presence import BEAT_SECONDS, GRACE_SECONDS, Presence
from realtime.watching import Watching
from storage.actor import Actor
from storage.database import DatabaseUnavailable
from storage.domains.presence import DEAD_SECONDS, Pair, PresentState, State
from storage.domains.presence import Presence as Told
from storage.ids import SessionId, UserId, new_id
from storage.journal import Entry
from tests.realtime.fakes import FakeBus, FakeConnection, connected_client


class LeaseTable:
    """What the database holds for all processes, after the rules of storage."""

    def __init__(self) -> None:
        self.beats: dict[int, float] = {}
        self.states: dict[tuple[int, UserId], PresentState] = {}
        self.hidden: set[Pair] = set()
        self.is_down = False
        self.saves = 0
        self.can_reap = True

    def of(self, process: int) -> Leases:
        return Leases(self, process)

    def seen(self, pair: Pair) -> State:
        now = trio.current_time()
        found: list[PresentState] = [
            state
            for (process, user_id), state in self.states.items()
            if user_id == pair[1] and now - self.beats[process] < DEAD_SECONDS
        ]
        return max(found) if found and pair not in self.hidden else "offline"


class Leases:
    def __init__(self, table: LeaseTable, process: int) -> None:
        self._table, self._process = table, process

    async def beat(self) -> bool:
        self._ask()
        had_lease = self._process in self._table.beats
        self._table.beats[self._process] = trio.current_time()
        return had_lease

    async def save(self, states: Mapping[UserId, PresentState | None]) -> bool:
        had_lease = await self.beat()
        self._table.saves += 1
        for user_id, state in states.items():
            if state is None:
                self._table.states.pop((self._process, user_id), None)
            else:
                self._table.states[self._process, user_id] = state
        return had_lease

    async def reap(self) -> list[UserId]:
        self._ask()
        if not self._table.can_reap:
            return []
        now = trio.current_time()
        dead = {one for one, at in self._table.beats.items() if now - at > DEAD_SECONDS}
        lost = [key for key in self._table.states if key[0] in dead]
        for key in lost:
            del self._table.states[key]
        for process in dead:
            del self._table.beats[process]
        return [user_id for _, user_id in lost]

    async def presence_of(self, pairs: Sequence[Pair]) -> list[Told]:
        self._ask()
        return [
            Told(user_id=pair[1], state=self._table.seen(pair), last_active_at=None)
            for pair in pairs
        ]

    def _ask(self) -> None:
        if self._table.is_down:
            raise DatabaseUnavailable("the fake is down")


class Process:
    """The presence of one realtime process."""

    def __init__(self, table: LeaseTable, bus: FakeBus, number: int) -> None:
        self.people = People()
        leases = table.of(number)
        self.presence = Presence(self.people, leases, bus)
        self.watching = Watching(self.people, leases)
        self.scope = trio.CancelScope()
        bus.listeners.append(self)

    def heard(self, entry: Entry) -> None:
        raise AssertionError("presence is not journalled")

    def whispered(self, topic: str, kind: str, body: bytes) -> None:
        assert kind == presence.KIND
        self.watching.changed(UserId(presence.uuid_of(topic)))

    def lost(self) -> None:
        self.watching.lost()

    async def run(self) -> None:
        """Until it is killed."""
        with self.scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.presence.run)
                nursery.start_soon(self.watching.run)

    def connect(self, actor: Actor) -> tuple[Client, FakeConnection]:
        client, connection = connected_client(actor)
        self.people.add(client)
        self.presence.arrived(client)
        return client, connection

    def leave(self, client: Client) -> None:
        client.connection.close(NORMAL)
        self.watching.forget(client)
        self.people.remove(client)
        self.presence.left(client)


class City:
    """Two processes, one table, one bus. Ana watches Ben from the first."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.table, self.bus = LeaseTable(), FakeBus()
        self.one, self.two = (Process(self.table, self.bus, number) for number in (1, 2))
        for process in (self.one, self.two):
            nursery.start_soon(process.run)
        self.ana, self.ben = somebody(), somebody()
        self.watcher, self.shown = self.one.connect(self.ana)
        self.one.watching.watch(self.watcher, [self.ben.user_id])

    @property
    def told(self) -> list[str]:
        """What Ana was told of Ben."""
        return [said["data"]["state"] for said in self.shown.said if said["event"] == "presence"]


def somebody() -> Actor:
    return Actor(user_id=UserId(new_id()), session_id=SessionId(new_id()))


@pytest.fixture
async def city(nursery: trio.Nursery) -> City:
    return City(nursery)


async def test_ben_comes_and_goes(city: City, autojump_clock: MockClock) -> None:
    client, _ = city.two.connect(city.ben)
    await trio.sleep(1)
    assert city.told == ["online"]
    city.two.leave(client)
    await trio.sleep(GRACE_SECONDS + 1)
    assert city.told == ["online", "offline"]


async def test_a_reloaded_page_is_no_absence(city: City, autojump_clock: MockClock) -> None:
    client, _ = city.two.connect(city.ben)
    await trio.sleep(1)
    city.two.leave(client)
    await trio.sleep(GRACE_SECONDS / 2)
    city.two.connect(city.ben)
    await trio.sleep(2 * GRACE_SECONDS)
    assert city.told == ["online"]


async def test_one_device_that_is_there_is_enough(city: City, autojump_clock: MockClock) -> None:
    laptop, _ = city.two.connect(city.ben)
    phone, _ = city.one.connect(city.ben)
    city.two.presence.set_away(laptop, away=True)
    await trio.sleep(1)
    assert city.told[-1] == "online"
    city.one.presence.set_away(phone, away=True)
    await trio.sleep(1)
    assert city.told[-1] == "away"
    city.one.leave(phone)
    await trio.sleep(GRACE_SECONDS + 1)
    assert city.told[-1] == "away"
    city.two.leave(laptop)
    await trio.sleep(GRACE_SECONDS + 1)
    assert city.told[-1] == "offline"


async def test_moving_to_another_process_is_no_absence(
    city: City, autojump_clock: MockClock
) -> None:
    client, _ = city.two.connect(city.ben)
    await trio.sleep(1)
    city.two.leave(client)
    city.one.connect(city.ben)
    await trio.sleep(10)
    assert city.told == ["online"]


async def until_offline(city: City) -> float:
    """Seconds from the killing of Ben's process until Ana is told, or 60."""
    city.two.connect(city.ben)
    await trio.sleep(1)
    assert city.told == ["online"]
    city.two.scope.cancel()
    killed_at = trio.current_time()
    while city.told[-1] != "offline" and trio.current_time() - killed_at < 60:  # noqa: ASYNC110
        await trio.sleep(0.1)  # On the mock clock, to measure.
    return trio.current_time() - killed_at


async def test_presence_is_right_within_ten_seconds_of_a_killed_process(
    city: City, autojump_clock: MockClock
) -> None:
    assert DEAD_SECONDS - BEAT_SECONDS < await until_offline(city) < 10


async def test_without_a_reaper_nobody_is_told_of_a_killed_process(
    city: City, autojump_clock: MockClock
) -> None:
    city.table.can_reap = False
    assert await until_offline(city) >= 60


async def test_a_process_that_was_taken_for_dead_says_who_is_there_again(
    city: City, autojump_clock: MockClock
) -> None:
    city.two.connect(city.ben)
    await trio.sleep(1)
    city.table.beats.pop(2)
    city.table.states = {key: state for key, state in city.table.states.items() if key[0] != 2}
    city.one.watching.changed(city.ben.user_id)
    await trio.sleep(BEAT_SECONDS + 2)
    assert city.told[-1] == "online"
    assert city.table.states[2, city.ben.user_id] == "online"


async def test_an_outage_of_the_database_is_made_good_after_it(
    city: City, autojump_clock: MockClock
) -> None:
    city.table.is_down = True
    city.two.connect(city.ben)
    await trio.sleep(20)
    assert city.told == []
    city.table.is_down = False
    await trio.sleep(2)
    assert city.told == ["online"]


async def test_a_wave_of_arrivals_is_written_in_few_transactions(
    city: City, autojump_clock: MockClock
) -> None:
    await trio.sleep(1)
    saves = city.table.saves
    for _ in range(3 * presence.SAVED_MAX):
        city.two.connect(somebody())
    await trio.sleep(1)
    assert city.table.saves - saves == 3


async def test_who_may_no_longer_know_is_told_offline_and_no_more(
    city: City, autojump_clock: MockClock
) -> None:
    client, _ = city.two.connect(city.ben)
    await trio.sleep(1)
    city.table.hidden.add((city.ana.user_id, city.ben.user_id))
    city.one.watching.recheck(city.ben.user_id)
    await trio.sleep(1)
    assert city.told == ["online", "offline"]
    city.two.presence.set_away(client, away=True)
    await trio.sleep(1)
    assert city.told == ["online", "offline"]


async def test_what_a_viewer_may_know_is_checked_again_for_all_they_watch(
    city: City, autojump_clock: MockClock
) -> None:
    city.two.connect(city.ben)
    await trio.sleep(1)
    city.table.hidden.add((city.ana.user_id, city.ben.user_id))
    city.one.watching.recheck(city.ana.user_id)
    await trio.sleep(1)
    assert city.told == ["online", "offline"]


async def test_a_lost_whisper_is_made_good_when_the_bus_says_so(
    city: City, autojump_clock: MockClock
) -> None:
    city.table.beats[3] = trio.current_time()
    city.table.states[3, city.ben.user_id] = "away"
    await trio.sleep(1)
    assert city.told == []
    city.one.lost()
    await trio.sleep(1)
    assert city.told == ["away"]


async def test_watching_others_ends_watching_ben(city: City, autojump_clock: MockClock) -> None:
    city.one.watching.watch(city.watcher, [somebody().user_id])
    city.two.connect(city.ben)
    await trio.sleep(1)
    assert city.told == []
    city.one.watching.watch(city.watcher, [])
    assert len(city.one.watching) == 0


async def test_a_reply_that_is_older_than_a_push_is_corrected(
    city: City, autojump_clock: MockClock
) -> None:
    city.two.connect(city.ben)
    await trio.sleep(1)
    stale = Told(user_id=city.ben.user_id, state="offline", last_active_at=None)
    city.one.watching.told(city.watcher, [stale])
    await trio.sleep(1)
    assert city.told == ["online", "online"], "the second stands behind the stale reply"
