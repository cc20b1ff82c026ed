"""The jobs process: jobs that fail, hang or kill their process, and everyone else's that go on."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from http_api.jobs import worker
from http_api.jobs.handlers import HANDLERS, Handler
from http_api.jobs.worker import (
    FIRST_PAUSE_SECONDS,
    PAUSE_SECONDS_MAX,
    RUNNING_MAX,
    Worker,
    pause_seconds,
)
from storage import jobs
from storage.gate import Gate
from storage.words import Nothing, Words

SECONDS_MAX = 15
"""For anything here, on a machine that is busy; nothing waits this long when all is well."""


class Errand(Words):
    place: str


class Town:
    """Where errands are run, and what they find there."""

    def __init__(self) -> None:
        self.visited: list[str] = []
        self.moved = trio.Event()
        self.closed = trio.Event()
        self.left = trio.Event()

    async def visit(self, gate: Gate, errand: Errand) -> None:
        self.visited.append(errand.place)
        self.moved.set()
        self.moved = trio.Event()
        if errand.place == "ditch":
            raise RuntimeError("fell in")
        if errand.place == "queue":
            try:
                await self.closed.wait()
            finally:
                self.left.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        with trio.fail_after(SECONDS_MAX):
            while not condition():
                await self.moved.wait()


@pytest.fixture
def town() -> Town:
    return Town()


async def ask(gate: Gate, *places: str) -> None:
    async with gate.database.transaction() as tx:
        for place in places:
            await jobs.enqueue(tx, "errand", Errand(place=place))


async def count(gate: Gate, where: str = "true") -> int:
    async with gate.database.transaction() as tx:
        found: int = await tx.value(f"SELECT count(*) FROM jobs WHERE {where}")
    return found


async def until_count(gate: Gate, expected: int, where: str = "true") -> None:
    with trio.fail_after(SECONDS_MAX):
        # The database tells nobody that a row went.
        while await count(gate, where) != expected:  # noqa: ASYNC110
            await trio.sleep(0.02)


async def hurry(gate: Gate) -> None:
    """As if an hour had passed: pauses are over, and leases have ended."""
    async with gate.database.transaction() as tx:
        await tx.run(
            "UPDATE jobs SET run_at = run_at - interval '1 hour', "
            "claimed_until = claimed_until - interval '1 hour'"
        )
        await tx.run("SELECT pg_notify($1, '')", jobs.CHANNEL)


@asynccontextmanager
async def working(gate: Gate, *handlers: Handler) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Worker(gate, handlers, chance=lambda: 0.5).run)
        yield
        nursery.cancel_scope.cancel()


async def test_an_errand_is_run_soon_and_once(gate: Gate, town: Town) -> None:
    async with working(gate, Handler("errand", town.visit, Errand)):
        await ask(gate, "market")
        await until_count(gate, 0)

    assert town.visited == ["market"]


async def test_what_was_asked_while_nobody_worked_is_run_later(gate: Gate, town: Town) -> None:
    await ask(gate, "market", "well")
    async with working(gate, Handler("errand", town.visit, Errand)):
        await until_count(gate, 0)

    assert sorted(town.visited) == ["market", "well"]


async def test_an_errand_that_fails_stops_nobody_and_is_tried_again(gate: Gate, town: Town) -> None:
    async with working(gate, Handler("errand", town.visit, Errand)):
        await ask(gate, "ditch", "market")
        await until_count(gate, 1, "last_error LIKE '%fell in%' AND claimed_until IS NULL")
        await hurry(gate)
        await town.until(lambda: town.visited.count("ditch") == 2)

    assert town.visited.count("market") == 1


async def test_a_body_that_nobody_understands_is_a_failure_like_any(gate: Gate, town: Town) -> None:
    async with gate.database.transaction() as tx:
        await jobs.enqueue(tx, "errand", Nothing())
    async with working(gate, Handler("errand", town.visit, Errand)):
        await until_count(gate, 1, "last_error LIKE '%place%'")

    assert town.visited == []


async def test_an_errand_that_hangs_is_stopped(gate: Gate, town: Town) -> None:
    async with working(gate, Handler("errand", town.visit, Errand, seconds_max=0.01)):
        await ask(gate, "queue")
        await until_count(gate, 1, "last_error LIKE 'TooSlowError%'")


async def test_only_so_many_run_at_once(gate: Gate, town: Town) -> None:
    async with working(gate, Handler("errand", town.visit, Errand)):
        await ask(gate, *["queue"] * (RUNNING_MAX + 3))
        await town.until(lambda: len(town.visited) == RUNNING_MAX)
        assert await count(gate, "claimed_until IS NULL") == 3
        town.closed.set()
        await until_count(gate, 0)

    assert len(town.visited) == RUNNING_MAX + 3


async def test_an_errand_that_takes_long_is_held_and_dropped_when_another_has_it(
    gate: Gate, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "RENEW_SECONDS", 0.01)
    monkeypatch.setattr(jobs.renew, "__kwdefaults__", {"lease_seconds": 7200.0})
    async with working(gate, Handler("errand", town.visit, Errand)):
        await ask(gate, "queue")
        await until_count(gate, 1, "claimed_until > now() + interval '1 hour'")
        async with gate.database.transaction() as tx:
            await tx.run("UPDATE jobs SET attempts = attempts + 1")
        with trio.fail_after(SECONDS_MAX):
            await town.left.wait()

    assert await count(gate, "attempts = 2 AND claimed_until IS NOT NULL") == 1


async def test_what_runs_when_the_process_ends_is_run_by_the_next(gate: Gate, town: Town) -> None:
    async with working(gate, Handler("errand", town.visit, Errand)):
        await ask(gate, "queue")
        await town.until(lambda: len(town.visited) == 1)
    assert await count(gate, "claimed_until IS NULL AND run_at <= now()") == 1

    town.closed.set()
    async with working(gate, Handler("errand", town.visit, Errand)):
        await until_count(gate, 0)
    assert town.visited == ["queue", "queue"]


async def test_what_runs_by_itself_is_put_in_line_again(gate: Gate, town: Town) -> None:
    async def look_around(gate: Gate, body: Nothing) -> None:
        await town.visit(gate, Errand(place="ditch"))

    async with (
        working(gate, Handler("look", look_around, every_seconds=60)),
        working(gate, Handler("look", look_around, every_seconds=60)),
    ):
        await until_count(gate, 1, "unique_key = 'look' AND run_at > now() + interval '50 seconds'")
        await hurry(gate)
        await town.until(lambda: len(town.visited) >= 2)
        # The next in line, and those that failed and will be tried again.
        await until_count(gate, 1, "unique_key = 'look'")


async def test_all_housekeeping_runs(gate: Gate) -> None:
    async with working(gate, *HANDLERS):
        await until_count(gate, len(HANDLERS), "unique_key = kind AND run_at > now()")
        await until_count(gate, len(HANDLERS))

    assert await count(gate, "last_error IS NOT NULL") == 0


def test_pauses_double_are_spread_and_have_an_end() -> None:
    assert pause_seconds(1, 0.5) == FIRST_PAUSE_SECONDS
    assert pause_seconds(4, 0.5) == FIRST_PAUSE_SECONDS * 8
    assert pause_seconds(3, 0.0) * 3 == pause_seconds(3, 1.0)
    assert pause_seconds(jobs.TRIES_MAX * 3, 0.5) == PAUSE_SECONDS_MAX


VICTIM = """
import sys, trio
from pathlib import Path
from http_api.jobs import worker
from http_api.jobs.handlers import Handler
from http_api.jobs.worker import Worker
from storage.gate import open_gate
from storage.settings import Settings
from tests.http_api.jobs.test_worker import Errand

async def hang(gate, errand):
    print("begun", flush=True)
    await trio.sleep_forever()

async def main():
    settings = Settings(data=Path("."), secret=b"s" * 32, database_url=sys.argv[1])
    async with open_gate(settings) as gate:
        await Worker(gate, [Handler("errand", hang, Errand)]).run()

trio.run(main)
"""


@pytest.mark.fault
async def test_an_errand_whose_process_was_killed_is_run_again_after_its_lease(
    gate: Gate, town: Town, database_url: str
) -> None:
    await ask(gate, "market")
    victim = subprocess.Popen(  # noqa: ASYNC220  # It is short, and outlives no test.
        [sys.executable, "-c", VICTIM, database_url],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": "."},
    )
    with victim:
        assert victim.stdout is not None
        assert await trio.to_thread.run_sync(victim.stdout.readline) == b"begun\n"
        victim.send_signal(signal.SIGKILL)

    async with working(gate, Handler("errand", town.visit, Errand)):
        assert await count(gate, "claimed_until > now()") == 1
        assert town.visited == []
        await hurry(gate)
        await until_count(gate, 0)

    assert town.visited == ["market"]
