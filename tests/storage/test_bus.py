from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from storage.bus import NotifyBus, notify
from storage.bus.notify import (
    BEAT_SECONDS,
    CHANNEL,
    PAYLOAD_BYTES_MAX,
    QUEUE_LINES_MAX,
    REST_SECONDS_MAX,
)
from storage.database import Database, open_database
from storage.gate import open_gate
from storage.journal import Entry
from storage.settings import Settings

WAIT_SECONDS_MAX = 10


class Ear:
    """Remembers what it heard, and lets a test wait for it."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.whispers: list[tuple[str, str, bytes]] = []
        self.losses = 0
        self._news = trio.Event()

    def heard(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._tell()

    def whispered(self, topic: str, kind: str, body: bytes) -> None:
        self.whispers.append((topic, kind, body))
        self._tell()

    def lost(self) -> None:
        self.losses += 1
        self._tell()

    async def wait_entries(self, count: int) -> None:
        with trio.fail_after(WAIT_SECONDS_MAX):
            while len(self.entries) < count:
                await self._next()

    async def wait_losses(self, count: int) -> None:
        with trio.fail_after(WAIT_SECONDS_MAX):
            while self.losses < count:
                await self._next()

    async def wait_whispers(self, count: int) -> None:
        with trio.fail_after(WAIT_SECONDS_MAX):
            while len(self.whispers) < count:
                await self._next()

    async def _next(self) -> None:
        self._news = trio.Event()
        await self._news.wait()

    def _tell(self) -> None:
        self._news.set()


@asynccontextmanager
async def bus_of(url: str) -> AsyncIterator[tuple[NotifyBus, Ear]]:
    ear = Ear()
    async with open_database(url) as database, trio.open_nursery() as nursery:
        bus = NotifyBus(database)
        with bus.subscribe(ear):
            await nursery.start(bus.run)
            ear.losses = 0
            yield bus, ear
        nursery.cancel_scope.cancel()


async def two_beats() -> None:
    """Long enough for the others to have heard from a bus that has nothing to say."""
    await trio.sleep(2 * BEAT_SECONDS + 0.2)


async def until_alone(bus: NotifyBus) -> None:
    with trio.fail_after(WAIT_SECONDS_MAX):
        while not bus._is_alone:  # noqa: ASYNC110  # time alone makes it so
            await trio.sleep(0.02)


def entry(seq: int, body: bytes | None = b'{"text":"hello"}') -> Entry:
    return Entry("conversation:1", seq, "new_message", body)


async def test_ana_and_bens_processes_hear_each_other_and_themselves_once(
    database_url: str,
) -> None:
    async with bus_of(database_url) as (bus, own), bus_of(database_url) as (_, other):
        entries = [entry(seq) for seq in range(1, 1001)]
        bus.publish_many(entries)
        assert own.entries == entries, "one's own process hears at once"
        await other.wait_entries(1000)
        assert other.entries == entries
        assert own.entries == entries


async def test_what_is_too_large_for_a_payload_arrives_without_its_body(database_url: str) -> None:
    large = b'{"text":"%b"}' % (b"x" * PAYLOAD_BYTES_MAX)
    async with bus_of(database_url) as (bus, _), bus_of(database_url) as (_, other):
        bus.publish_many([entry(1, large), entry(2)])
        await other.wait_entries(2)
        assert other.entries == [entry(1, None), entry(2)]


async def test_a_whisper_is_heard_and_has_no_number(database_url: str) -> None:
    async with bus_of(database_url) as (bus, own), bus_of(database_url) as (_, other):
        bus.whisper("conversation:1", "typing", b'{"active": true}')
        await other.wait_whispers(1)
        assert own.whispers == other.whispers == [("conversation:1", "typing", b'{"active": true}')]


async def test_a_payload_that_never_came_is_noticed_though_nothing_follows_it(
    database_url: str,
) -> None:
    async with bus_of(database_url) as (bus, _), bus_of(database_url) as (_, other):
        bus.publish_many([entry(1)])
        await other.wait_entries(1)
        losses = other.losses
        bus._number += 1  # As if one payload had been lost on its way.
        await other.wait_losses(losses + 1)
        await two_beats()
        assert other.losses == losses + 1, "it is said once"


async def test_last_words_are_heard_whole_though_their_process_ends_at_once(
    settings: Settings, database_url: str
) -> None:
    assert settings.database_url == database_url
    async with bus_of(database_url) as (_, ear):
        async with open_gate(settings) as gate:
            gate.bus.publish_many([entry(1), entry(2)])
        await ear.wait_entries(2)
        assert ear.entries == [entry(1), entry(2)]


async def test_without_last_words_they_are_missed(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotifyBus, "tell_rest", say_nothing)
    async with bus_of(database_url) as (_, ear):
        async with open_gate(settings) as gate:
            gate.bus.publish_many([entry(1)])
        await two_beats()
        assert not ear.entries


async def test_an_end_does_not_wait_long_for_a_database_that_takes_no_last_words(
    database_url: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_database(database_url, connections_max=1) as database:
        bus = NotifyBus(database)
        bus._hearing_since = trio.current_time()
        bus.publish_many([entry(1)])
        bus._send = stuck  # type: ignore[method-assign]
        began = trio.current_time()
        with trio.CancelScope() as scope:
            scope.cancel()
            await bus.tell_rest()
        assert trio.current_time() - began == REST_SECONDS_MAX


async def say_nothing(bus: NotifyBus) -> None:
    pass


async def stuck(payloads: list[str]) -> None:
    await trio.sleep_forever()


async def test_who_died_may_have_committed_what_they_had_no_time_to_tell(
    database_url: str,
) -> None:
    async with bus_of(database_url) as (_, ear):
        async with bus_of(database_url) as (other, _):
            other.whisper("conversation:1", "typing", b"{}")
            await ear.wait_whispers(1)
            await two_beats()
            ear.losses = 0
        await ear.wait_losses(1)
        await two_beats()
        assert ear.losses == 1, "once, and then they are forgotten"


async def test_a_queue_that_overflows_says_that_something_was_lost(database_url: str) -> None:
    async with bus_of(database_url) as (bus, _), bus_of(database_url) as (_, other):
        await two_beats()
        losses = other.losses
        bus.publish_many(entry(seq, b"{}") for seq in range(1, QUEUE_LINES_MAX + 2))
        await other.wait_losses(losses + 1)
        await other.wait_entries(QUEUE_LINES_MAX)
        assert other.entries[0].seq == 2


async def test_a_process_alone_tells_nobody_and_who_comes_later_knows_what_they_missed(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(notify, "AUDIENCE_SECONDS", 1.5)
    payloads: list[str] = []
    async with (
        open_database(database_url) as wire,
        wire.listening(CHANNEL, payloads.append),
        bus_of(database_url) as (bus, own),
    ):
        bus.publish_many([entry(1)])
        await until_alone(bus)
        bus.publish_many([entry(2)])
        bus.whisper("conversation:1", "typing", b"{}")
        assert own.entries == [entry(1), entry(2)], "one's own process hears all the same"
        async with bus_of(database_url) as (_, newcomer):
            await newcomer.wait_losses(1)
            bus.publish_many([entry(3)])
            await newcomer.wait_entries(1)
            assert newcomer.entries == [entry(3)]
            told = "".join(payloads)
            assert "conversation:1 1" in told, "nobody could know yet that nobody listens"
            assert "conversation:1 2" not in told
            assert "typing" not in told
        await until_alone(bus)


async def test_who_only_commits_tells_those_who_listen_and_is_no_reason_to_be_told(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(notify, "AUDIENCE_SECONDS", 1.5)
    async with (
        open_database(database_url) as database,
        bus_of(database_url) as (bus, own),
        trio.open_nursery() as nursery,
    ):
        sidecar = NotifyBus(database)
        await nursery.start(sidecar.run)
        await until_alone(bus)
        sidecar.publish_many([entry(1)])
        await own.wait_entries(1)
        assert own.entries == [entry(1)]
        nursery.cancel_scope.cancel()


async def test_after_its_link_was_cut_a_process_is_told_to_compare_and_hears_again(
    database: Database, database_url: str
) -> None:
    async with bus_of(database_url) as (bus, _), bus_of(database_url) as (other_bus, other):
        await two_beats()
        losses = other.losses
        async with database.transaction() as tx:
            cut = await tx.value(CUT_LISTENERS, f"%LISTEN%{CHANNEL}%")
        assert cut >= 2
        await other.wait_losses(losses + 2)  # When the link went, and when it was back.
        assert other_bus.connected
        bus.publish_many([entry(1)])
        await other.wait_entries(1)


CUT_LISTENERS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ILIKE $1
"""
