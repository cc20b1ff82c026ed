"""Thousands of callers who change their minds at any moment harm nobody, themselves included.

LOOPYNC_TEST_SEED repeats a run's choices; LOOPYNC_TEST_SCALE multiplies their number. Each kind of
damage that the check looks for is also done on purpose, and must be found.
"""

from __future__ import annotations

import itertools
import math
import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio

from storage.database import (
    Database,
    DatabaseUnavailable,
    Limits,
    open_database,
    transaction,
)
from storage.database.pool import Pool
from storage.database.transaction import Transaction, TransactionBlock
from storage.database.trio_future import Future
from storage.database.trio_protocol import Loop
from tests.needs import scale
from tests.storage.database.servers import Server

SEED = int(os.environ.get("LOOPYNC_TEST_SEED", "20261120"))
CALLERS = 8
CONNECTIONS = 5
CHANCE_OF_PATIENCE = 0.3
DELAY_SECONDS_MAX = 0.012  # somewhat longer than most calls take
CANCELLATIONS_OF_A_CONTROL = 150
HURRIED = Limits(wait_seconds=0.2, tick_seconds=0.05)

TABLE = "DROP TABLE IF EXISTS promises; CREATE TABLE promises (token bigint PRIMARY KEY)"
OTHERS = """
SELECT count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS open, count(*) AS connections
FROM pg_stat_activity
WHERE application_name = 'loopync' AND pid <> pg_backend_pid() AND datname IS NOT NULL
"""


@dataclass
class Chaos:
    """Callers, some of whom are cancelled at a random moment, and what was found to be wrong."""

    database: Database
    cancellations: int
    settling_seconds: float
    choices: random.Random = field(default_factory=lambda: random.Random(SEED))
    tokens: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    cancelled: int = 0
    committed: set[int] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(CALLERS):
                nursery.start_soon(self._call)

    async def _call(self) -> None:
        while self.cancelled < self.cancellations:
            token = next(self.tokens)
            patient = self.choices.random() < CHANCE_OF_PATIENCE
            seconds = math.inf if patient else self.choices.uniform(0, DELAY_SECONDS_MAX)
            with trio.move_on_after(seconds) as scope:
                try:
                    await self._promise(token)
                except Exception as problem:
                    self.wrong.add(f"a caller met {type(problem).__name__}")
                else:
                    self.committed.add(token)
            self.cancelled += scope.cancelled_caught

    async def _promise(self, token: int) -> None:
        """One of several ways to use the database; each asks for what only it can be answered."""
        way = self.choices.randrange(6)
        if way == 0:
            async with self.database.listening(f"channel{token}", lambda _payload: None):
                await trio.lowlevel.checkpoint()
        async with self.database.transaction() as tx:
            await tx.run("INSERT INTO promises VALUES ($1)", token)
            if way == 1:
                await tx.run("SELECT pg_sleep(0.002)")
            if way == 2:
                rows = await tx.rows(
                    "SELECT $1::bigint + n AS n FROM generate_series(1, 300) n", token
                )
                self._expect([row["n"] for row in rows] == list(range(token + 1, token + 301)))
            if way == 3:
                async with tx.savepoint():
                    self._expect(await tx.value("SELECT $1::text", str(token)) == str(token))
            if way == 4:  # a statement that no connection has prepared yet
                self._expect(await tx.value(f"SELECT $1::bigint + {token}", token) == 2 * token)
            self._expect(await tx.value("SELECT $1::bigint", token) == token)
            self._expect(
                await tx.value("SELECT count(*) FROM promises WHERE token = $1", token) == 1
            )

    def _expect(self, right: bool) -> None:
        if not right:
            self.wrong.add("an answer was not the caller's own")

    async def check(self, administration: Database) -> None:
        """With nobody calling any more."""
        async with administration.transaction() as tx:
            kept = {row["token"] for row in await tx.rows("SELECT token FROM promises")}
            if self.committed - kept:
                self.wrong.add("a promise was lost")
            if kept - self.committed:
                self.wrong.add("a promise was kept that nobody heard of")
        with trio.move_on_after(self.settling_seconds) as settling:
            while found := await self._left_behind(administration):
                await trio.lowlevel.checkpoint()
        if settling.cancelled_caught:
            self.wrong.add(found)
        try:
            await self._fill_the_pool()
        except* DatabaseUnavailable:
            self.wrong.add("the pool has shrunk")

    async def _left_behind(self, administration: Database) -> str:
        async with administration.transaction() as tx:
            row = await tx.row(OTHERS)
        assert row is not None
        if row["open"]:
            return "a transaction was left open"
        return "a connection was left open" if row["connections"] > CONNECTIONS else ""

    async def _fill_the_pool(self) -> None:
        here = 0
        full = trio.Event()

        async def stay() -> None:
            nonlocal here
            async with self.database.transaction():
                here += 1
                if here == CONNECTIONS:
                    full.set()
                await full.wait()

        async with trio.open_nursery() as nursery:
            for _ in range(CONNECTIONS):
                nursery.start_soon(stay)


async def chaos(url: str, driver: str, cancellations: int, limits: Limits) -> Chaos:
    files = open_files()
    async with (
        open_database(url, connections_max=1) as administration,
        open_database(url, driver=driver, connections_max=CONNECTIONS, limits=limits) as database,
    ):
        await database.script(TABLE)
        result = Chaos(database, cancellations, limits.wait_seconds)
        await result.run()
        await result.check(administration)
    if open_files() > files:
        result.wrong.add("a file was left open")
    return result


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_two_thousand_cancellations_at_random_moments_harm_nobody(
    postgres: Server, driver: str
) -> None:
    result = await chaos(postgres.url, driver, scale(2000), Limits())
    assert result.wrong == set()
    assert result.cancelled >= scale(2000)
    assert len(result.committed) > scale(500)


def forget_to_roll_back(patch: pytest.MonkeyPatch, _after: ExitStack) -> None:
    async def finish(*_: object) -> None:
        pass

    patch.setattr(transaction, "finish", finish)


def forget_to_release(patch: pytest.MonkeyPatch, _after: ExitStack) -> None:
    leave = TransactionBlock.__aexit__

    async def leave_carelessly(
        self: TransactionBlock, kind: Any, problem: BaseException | None, traceback: Any
    ) -> None:
        if isinstance(problem, trio.Cancelled):
            self._pool = Pool(self._pool._connect, 1, self._deadlines, self._limits)
        await leave(self, kind, problem, traceback)

    patch.setattr(TransactionBlock, "__aexit__", leave_carelessly)


def leave_sockets_open(patch: pytest.MonkeyPatch, after: ExitStack) -> None:
    abandon = Loop._abandon

    async def leave(self: Loop, future: Future) -> None:
        if self.connection is not None:
            await abandon(self, future)
        elif self.transport is not None:
            after.callback(self.transport.close)

    patch.setattr(Loop, "_abandon", leave)
    patch.setattr(Loop, "close_transport", lambda self: after.callback(lambda: self.transport))


def answer_the_last_caller(patch: pytest.MonkeyPatch, _after: ExitStack) -> None:
    """What a connection that was not drained would do: the next caller reads the old answer."""
    value = Transaction.value
    unread: list[object] = []

    async def value_of_another(self: Transaction, sql: str, *values: object) -> Any:
        try:
            return unread.pop() if unread else await value(self, sql, *values)
        except trio.Cancelled:
            unread.append(values[0])
            raise

    patch.setattr(Transaction, "value", value_of_another)


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        (forget_to_roll_back, "a promise was kept that nobody heard of"),
        (forget_to_release, "the pool has shrunk"),
        (leave_sockets_open, "a file was left open"),
        (answer_the_last_caller, "an answer was not the caller's own"),
    ],
)
async def test_damage_done_on_purpose_is_found(
    postgres: Server,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[pytest.MonkeyPatch, ExitStack], None],
    finding: str,
) -> None:
    with ExitStack() as after:
        damage(monkeypatch, after)
        result = await chaos(postgres.url, "trio", CANCELLATIONS_OF_A_CONTROL, HURRIED)
    assert finding in result.wrong
