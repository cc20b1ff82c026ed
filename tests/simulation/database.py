"""The database of a simulation: real PostgreSQL, at a simulated time and distance, with faults."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import trio

from storage.database import Database
from storage.database.deadlines import Deadlines, Limits
from storage.database.link import Record
from storage.migrate import MIGRATIONS, read
from tests.simulation.blocking import Locks, Seat
from tests.simulation.clock import EPOCH, Trace

SETTINGS = {
    # Before pg_catalog stands a schema with a now() of its own, which tells simulated time.
    "search_path": "sim, pg_catalog",
    "timezone": "UTC",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "deadlock_timeout": "1h",
    "synchronous_commit": "off",
}
SEATS_MAX = 60
CONNECTIONS_MAX = 4  # Of one simulated process.
TIME_SECONDS = 0.02
"""How far clock_timestamp() may lag behind."""
LIMITS = Limits()


class Postgres:
    """One database, used by one seed after another: `fresh` empties it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.locks = Locks()
        self._free: list[Seat] = []
        self._all: list[Seat] = []
        self.locks.monitor = self._new_seat()
        [alone] = self.ask("SELECT pg_try_advisory_lock(1) AS alone")
        assert alone["alone"], "another simulation uses this database"
        if not self.ask("SELECT FROM pg_namespace WHERE nspname = 'sim'"):
            self.script(CLOCK)
            for migration in read(MIGRATIONS):
                self.script(migration.sql)
        rows = self.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'sim' ORDER BY 1")
        tables = [row["tablename"] for row in rows]
        for table in tables:
            # Statistics come by the real clock; with them plans change, and the order of rows.
            self.script(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        self._tables = ", ".join(tables)

    def ask(self, sql: str, *values: object) -> list[Any]:
        return self.locks.ask(sql, *values)

    def script(self, sql: str) -> None:
        seat = self.take_seat()
        seat.now("execute", sql)
        self.give_back(seat)

    def fresh(self) -> None:
        assert not self.locks.waiting, "the last run ended with everything"
        assert len(self._free) == len(self._all) - 1, "and left no connection behind"
        self.script(f"TRUNCATE {self._tables}")

    def take_seat(self) -> Seat:
        if not self._free:
            assert len(self._all) < SEATS_MAX
            self._free.append(self._new_seat())
        return self._free.pop(0)

    def give_back(self, seat: Seat) -> None:
        """With no transaction open; whoever waited for its locks goes on."""
        seat.clear()
        self._free.append(seat)
        self._free.sort(key=lambda one: one.number)

    def close(self) -> None:
        for seat in self._all:
            seat.close()

    def _new_seat(self) -> Seat:
        seat = Seat(len(self._all), self._url, SETTINGS, self.locks)
        self._all.append(seat)
        return seat


class Line:
    """How one simulated process reaches the database: how far it is, and whether it does."""

    def __init__(self, postgres: Postgres, chance: random.Random, trace: Trace, name: str) -> None:
        self.is_down = False
        self.cut_probability = 0.0
        """Of each COMMIT: that the connection is lost, before or after it happened."""
        self.postgres = postgres
        self.chance = chance
        self.trace = trace
        self.name = name
        self.links: list[SimLink] = []
        deadlines = SimDeadlines(1)
        self.database = Database("", self._connect, CONNECTIONS_MAX, deadlines, LIMITS)

    @property
    def open_transactions(self) -> int:
        return sum(link.is_in_transaction for link in self.links)

    def go_down(self) -> None:
        """Nothing gets through; what is open is rolled back."""
        self.is_down = True
        for link in list(self.links):
            link.terminate()

    async def _connect(self, url: str, settings: dict[str, str]) -> SimLink:
        await trio.sleep(self.delay())
        if self.is_down:
            raise ConnectionRefusedError("the database is down")
        link = SimLink(self)
        self.links.append(link)
        return link

    def delay(self) -> float:
        """One way. Mostly a moment, now and then a stall."""
        if self.chance.random() < 0.01:
            return self.chance.uniform(0.05, 0.4)
        return self.chance.uniform(0.0001, 0.003)


class SimLink:
    """A `storage.database.link.Link` over a real connection: there, done, and back."""

    def __init__(self, line: Line) -> None:
        self.idle_since = 0.0
        self.waiting_since = 0.0
        self._line = line
        self._seat = line.postgres.take_seat()
        self._lost = trio.Event()
        self._told_time = 0.0

    async def fetch(self, sql: str, *values: object) -> list[Record]:
        rows: list[Record] = await self._ask("fetch", sql, values)
        return rows

    async def fetchrow(self, sql: str, *values: object) -> Record | None:
        row: Record | None = await self._ask("fetchrow", sql, values)
        return row

    async def fetchval(self, sql: str, *values: object) -> Any:
        return await self._ask("fetchval", sql, values)

    async def execute(self, sql: str, *values: object) -> str:
        return str(await self._ask("execute", sql, values))

    async def listen(self, channel: str) -> None:
        raise NotImplementedError("the simulated bus does not need it")

    async def notified(self) -> list[str]:
        raise NotImplementedError("the simulated bus does not need it")

    def notice(self) -> None:
        """A lost connection says so itself."""

    def is_closed(self) -> bool:
        return self._lost.is_set()

    @property
    def is_in_transaction(self) -> bool:
        return self._seat.is_in_transaction

    def terminate(self) -> None:
        if not self._lost.is_set():
            self._lost.set()
            self._line.links.remove(self)
            self._line.postgres.give_back(self._seat)

    async def _ask(self, method: str, sql: str, values: tuple[object, ...]) -> Any:
        line = self._line
        fate = line.chance.random() if sql == "COMMIT" else 1.0
        await self._travel(is_lost=fate < line.cut_probability / 2)
        line.trace.mix(line.name, sql)
        answer = await self._seat.perform(method, self._tell_time(sql), *values)
        await self._travel(is_lost=fate < line.cut_probability)
        return answer

    async def _travel(self, *, is_lost: bool) -> None:
        with trio.move_on_after(self._line.delay()):
            await self._lost.wait()
        if is_lost:
            self._line.trace.note(self._line.name, "loses its connection at a COMMIT")
            self.terminate()
        if self._lost.is_set():
            raise ConnectionResetError("the connection was lost")

    def _tell_time(self, sql: str) -> str:
        """Let SQL know the time: at the beginning, and again where the very moment matters."""
        now = trio.current_time()
        begins = sql.startswith("BEGIN")
        if begins or ("clock_timestamp" in sql and now - self._told_time > TIME_SECONDS):
            self._told_time = now
            told = f"SET LOCAL sim.now = '{EPOCH + timedelta(seconds=now)}'"
            if begins:
                return f"{sql}; {told}"
            self._seat.now("execute", told)
        return sql


class SimDeadlines(Deadlines):
    """The same limits, by the simulated clock."""

    @contextmanager
    def limit(self, seconds: float, *, shield: bool = False) -> Iterator[trio.CancelScope]:
        with trio.CancelScope(shield=shield, deadline=trio.current_time() + seconds) as scope:
            yield scope


CLOCK = """
    CREATE SCHEMA sim;
    CREATE FUNCTION sim.now() RETURNS timestamptz LANGUAGE sql STABLE
        RETURN current_setting('sim.now')::timestamptz;
    CREATE FUNCTION sim.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
        RETURN current_setting('sim.now')::timestamptz;
"""
