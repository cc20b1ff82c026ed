# ruff: noqa: PT012 - what raises is a whole transaction, and its statements belong together
"""What NOTIFY says is heard, until the connection is lost; and that is told."""

from __future__ import annotations

import pytest
import trio

from storage.database import Database, DatabaseUnavailable, Limits, open_database
from tests.storage.database.servers import Server, frozen

PATIENCE_SECONDS = 10


class Ears:
    """Hears, and can be waited for."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._news = trio.Event()

    def __call__(self, payload: str) -> None:
        self.heard.append(payload)
        self._news.set()

    async def have_heard(self, count: int) -> list[str]:
        with trio.fail_after(PATIENCE_SECONDS):
            while len(self.heard) < count:
                self._news = trio.Event()
                await self._news.wait()
        return self.heard


async def say(database: Database, channel: str, *payloads: str) -> None:
    async with database.transaction() as tx:
        await tx.run(
            "SELECT pg_notify($1, word) FROM unnest($2::text[]) AS word", channel, payloads
        )


LISTENERS = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname IS NOT NULL"


async def cut_off_listeners(database: Database) -> None:
    async with database.transaction() as tx:
        assert await tx.value(f"SELECT count(pg_terminate_backend(pid)) FROM ({LISTENERS}) AS l")


async def test_what_is_said_is_heard_in_order(database: Database) -> None:
    ears = Ears()
    words = [f"word {n}" for n in range(500)]
    async with database.listening("gossip", ears):
        await say(database, "gossip", *words)
        assert await ears.have_heard(500) == words


async def test_only_its_own_channel_is_heard_whatever_its_name(database: Database) -> None:
    ears = Ears()
    async with database.listening('Ana\'s "channel"', ears):
        await say(database, "gossip", "not this")
        await say(database, 'Ana\'s "channel"', "this")
        assert await ears.have_heard(1) == ["this"]


async def test_what_was_rolled_back_was_never_said(database: Database) -> None:
    ears = Ears()
    async with database.listening("gossip", ears):
        with trio.CancelScope() as scope:
            async with database.transaction() as tx:
                await tx.run("SELECT pg_notify('gossip', 'unsaid')")
                scope.cancel()
                await trio.lowlevel.checkpoint()
        await say(database, "gossip", "said")
        assert await ears.have_heard(1) == ["said"]


async def test_a_lost_connection_is_told(database: Database) -> None:
    async with database.listening("gossip", Ears()) as listening:
        assert not listening.lost
        await cut_off_listeners(database)
        with trio.fail_after(PATIENCE_SECONDS):
            await listening.wait_lost()
        assert listening.lost


async def test_a_listener_that_fails_ends_the_block_with_its_own_exception(
    database: Database,
) -> None:
    def stumble(payload: str) -> None:
        raise ZeroDivisionError(payload)

    with pytest.raises(ZeroDivisionError, match="now"):
        async with database.listening("gossip", stumble):
            await say(database, "gossip", "now")
            await trio.sleep_forever()


async def test_a_quiet_connection_is_asked_now_and_then_and_stays(
    postgres: Server, driver: str
) -> None:
    limits = Limits(ping_seconds=0.01, tick_seconds=0.01)
    ears = Ears()
    async with (
        open_database(postgres.url, driver=driver, limits=limits) as database,
        database.listening("gossip", ears),
    ):
        with trio.fail_after(PATIENCE_SECONDS):
            while not await pinged(database):
                await trio.lowlevel.checkpoint()
        await say(database, "gossip", "still here")
        assert await ears.have_heard(1) == ["still here"]


async def pinged(database: Database) -> bool:
    async with database.transaction() as tx:
        return bool(
            await tx.value("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT 1'")
        )


async def test_a_quiet_connection_that_no_longer_answers_is_lost(
    postgres: Server, driver: str
) -> None:
    limits = Limits(ping_seconds=0.05, finish_seconds=0.2, drain_seconds=0.2, tick_seconds=0.01)
    async with (
        open_database(postgres.url, driver=driver) as administration,
        open_database(postgres.url, driver=driver, limits=limits) as database,
        database.listening("gossip", Ears()) as listening,
    ):
        async with administration.transaction() as tx:
            pid = await tx.value(f"{LISTENERS} OR query = 'SELECT 1'")
        with frozen(pid), trio.fail_after(PATIENCE_SECONDS):
            await listening.wait_lost()


async def test_leaving_the_block_closes_the_connection(database: Database) -> None:
    async with database.listening("gossip", Ears()):
        pass
    with trio.fail_after(PATIENCE_SECONDS):
        async with database.transaction() as tx:
            while await tx.value(f"SELECT count(*) FROM ({LISTENERS}) AS l"):
                await tx.run("SELECT pg_stat_clear_snapshot()")


async def test_no_server_is_an_unavailable_database(driver: str) -> None:
    async with open_database("postgresql://ana@/x?host=/nowhere", driver=driver) as database:
        with pytest.raises(DatabaseUnavailable):
            async with database.listening("gossip", Ears()):
                pass
