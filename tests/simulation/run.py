"""One seed from its beginning to its end, and what became of it.

    python -m tests.simulation.run SEED [DATABASE_URL]

prints the trace of a seed. Without a URL it starts a PostgreSQL of its own.
"""

from __future__ import annotations

import sys
import tempfile
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

PRESENCE_SECONDS_MAX = 30.0
LEAVE_SECONDS = 16.0
"""Two intervals of pings, the deadlines of every wait for a client, and a dead process's lease."""
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
    return simulated(seed, lambda: _run(seed, postgres))


async def _run(seed: int, postgres: Postgres) -> Outcome:
    world = World(seed, postgres)
    replay_bytes = world.limits.queue_bytes_max // 2
    with (
        capture_logs() as logged,
        patch.object(bench.client, "dial", world.dial),
        patch.object(resume, "REPLAY_BYTES_MAX", replay_bytes),
    ):
        async with trio.open_nursery() as nursery:
            await world.begin(nursery)
            await world.live()
            await _look_at_peace(world)
            await world.part()
            await trio.sleep(LEAVE_SECONDS)
            for process in world.processes:
                invariants.check_nothing_left(world, process)
            invariants.check_no_lease(world)
            world.end()
    invariants.check_logs(world, logged)
    for line in logged:
        world.trace.mix("log", f"{line['event']} {line['log_level']}")
    return Outcome(
        seed,
        world.trace.digest,
        world.judge.failures,
        list(world.trace.lines),
        sum(device.resyncs for device in world.devices),
        len(world.ledger.all),
    )


async def _look_at_peace(world: World) -> None:
    calm_since = trio.current_time()
    if not await world.wait_done():
        world.judge.broken(Invariant.NO_FAULT, "something that was begun never ended")
    await trio.sleep_until(max(trio.current_time(), calm_since + PRESENCE_SECONDS_MAX))
    truth = invariants.Truth(world)
    invariants.check_rows(world, truth)
    for device in world.devices:
        invariants.check_device(world, truth, device)
    invariants.check_presence(world, truth)
    for one in world.people:
        await invariants.check_unread(world, truth, one)


@contextmanager
def _database(url: str | None) -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory() as folder:
        options = {"fsync": "off", "autovacuum": "off"}
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
    print("\n".join(outcome.trace))
    print(outcome.digest, outcome.report() if outcome.failures else "well")
