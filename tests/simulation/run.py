"""One seed from its beginning to its end, and what became of it.

    python -m tests.simulation.run SEED [DATABASE_URL]

prints the trace of a seed. Without a URL it starts a PostgreSQL of its own.
"""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import trio
from structlog.testing import capture_logs

import bench.client
from realtime import resume
from storage.embedded import EmbeddedPostgres
from tests.simulation import invariants
from tests.simulation.clock import simulated
from tests.simulation.database import Postgres
from tests.simulation.failures import Invariant
from tests.simulation.world import World

PEACE_SECONDS_MAX = 30.0
LEAVE_SECONDS_MAX = 16.0
"""Two intervals of pings, the deadlines of every wait for a client, and a dead process's lease."""
LOOK_SECONDS = 1.0
PROBLEM_CHARACTERS = 4_000
LINES_SHOWN = 60


@dataclass(frozen=True)
class Outcome:
    seed: int
    digest: str
    failures: list[tuple[Invariant, str]]
    trace: list[str]
    resyncs: int
    sent: int

    @property
    def broken(self) -> set[Invariant]:
        return {invariant for invariant, _ in self.failures}

    def report(self) -> str:
        lines = [f"seed {self.seed} (python -m tests.simulation.run {self.seed})"]
        lines += [f"{invariant.name} ({invariant}) {what}" for invariant, what in self.failures]
        return "\n".join([*lines, "…", *self.trace[-LINES_SHOWN:]])


def run_seed(seed: int, postgres: Postgres) -> Outcome:
    postgres.fresh()
    world = World(seed, postgres)

    async def run() -> None:
        await _run(world)

    simulated(seed, run)
    return Outcome(
        seed,
        world.trace.digest,
        world.judge.failures,
        list(world.trace.lines),
        sum(device.resyncs for device in world.devices),
        len(world.ledger.all),
    )


async def _run(world: World) -> None:
    replay_bytes = world.limits.queue_bytes_max // 2
    with (
        capture_logs() as logged,
        patch.object(bench.client, "dial", world.dial),
        patch.object(resume, "REPLAY_BYTES_MAX", replay_bytes),
    ):
        try:
            async with trio.open_nursery() as nursery:
                await world.begin(nursery)
                await world.live()
                await _look_at_peace(world)
                await world.part()
                await _look_at_what_is_left(world)
                world.end()
        except Exception as problem:
            what = "".join(traceback.format_exception(problem))
            world.judge.broken(Invariant.NO_FAULT, what[-PROBLEM_CHARACTERS:])
        finally:
            world.hang_up()
    invariants.check_logs(world, logged)
    for line in logged:
        world.trace.mix("log", f"{line['event']} {line['log_level']}")


async def _look_at_peace(world: World) -> None:
    """As soon as all is well, or when it had to be; now and then also look whether it lasts."""
    due = trio.current_time() + PEACE_SECONDS_MAX
    if not await world.wait_done():
        world.judge.broken(Invariant.NO_FAULT, "something that was begun never ended")
    truth = invariants.Truth(world)
    while trio.current_time() < due:
        wrong = any(invariants.unfinished(world, truth)) or any(invariants.misled(world, truth))
        if not wrong and world.is_hasty:
            break
        await trio.sleep(LOOK_SECONDS)
        truth = invariants.Truth(world)
    invariants.check_rows(world, truth)
    for what in invariants.unfinished(world, truth):
        world.judge.broken(Invariant.COMPLETE, what)
    for what in invariants.misled(world, truth):
        world.judge.broken(Invariant.PRESENCE, what)
    for device in world.devices:
        invariants.check_device(world, truth, device)
    for one in world.people:
        await invariants.check_unread(world, truth, one)


async def _look_at_what_is_left(world: World) -> None:
    left: dict[str, dict[str, int]] = {"": {"everybody": 1}}
    with trio.move_on_after(LEAVE_SECONDS_MAX):
        while any(left.values()):
            await trio.sleep(LOOK_SECONDS)
            left = {process.name: invariants.leftovers(process) for process in world.processes}
            left["database"] = invariants.leases(world)
    for where, found in left.items():
        world.judge.check(not found, Invariant.NOTHING_LEFT, f"{where} keeps {found}")


@contextmanager
def _database(url: str | None) -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory() as folder:
        options = {"fsync": "off"}
        embedded = EmbeddedPostgres(Path(folder), options=options) if url is None else nullcontext()
        with embedded as server:
            postgres = Postgres(url or server.url)  # type: ignore[union-attr]
            try:
                yield postgres
            finally:
                postgres.close()


if __name__ == "__main__":
    with _database(sys.argv[2] if len(sys.argv) > 2 else None) as opened:
        outcome = run_seed(int(sys.argv[1]), opened)
    lines = [*outcome.trace, outcome.digest, outcome.report() if outcome.failures else "well"]
    sys.stdout.write("\n".join(lines) + "\n")
