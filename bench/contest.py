"""One server under load: its steps, what passed, and what it stored in the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.cpu import machine_cpu_seconds
from bench.generator_process import GeneratorProcess, generator
from bench.load.orders import Outcome, Step
from bench.servers import BenchError, Server

DELIVERY_MS_P99_MAX = 50.0
LATENESS_MS_P99_MAX = 10.0
"""Above it, the generator did not keep its schedule: the machine had no time for it."""
HEAD_START_SECONDS = 0.05
DRAIN_SECONDS = 20.0


@dataclass(frozen=True)
class Trial:
    """One step and what it cost: CPU seconds over the measured part."""

    rate: float
    seconds: float
    outcome: Outcome
    server_cpu_seconds: float
    postgres_cpu_seconds: float
    machine_cpu_seconds: float
    """Of everything that ran meanwhile."""

    @property
    def others_cpu_seconds(self) -> float:
        """What programs took that have no part in this: the more, the less a figure says."""
        ours = self.server_cpu_seconds + self.postgres_cpu_seconds
        return max(0.0, self.machine_cpu_seconds - ours - self.outcome.generator_cpu_seconds)

    @property
    def passed(self) -> bool:
        return not self.why_not

    @property
    def why_not(self) -> str:
        outcome = self.outcome
        if outcome.refused:
            return f"{outcome.refused} refused"
        if outcome.stopped_early:
            return "fell behind"
        if outcome.lateness.p99 > LATENESS_MS_P99_MAX:
            return f"the generator was late ({outcome.lateness.p99:.0f} ms)"
        if outcome.delivery.p99 >= DELIVERY_MS_P99_MAX:
            return "too slow"
        return ""

    @property
    def messages_per_cpu_second(self) -> float:
        return self.outcome.measured / (self.server_cpu_seconds + self.postgres_cpu_seconds)


class Contestant:
    def __init__(self, server: Server, load: GeneratorProcess) -> None:
        self.server = server
        self._load = load
        self._acked = 0

    @property
    def name(self) -> str:
        return self.server.name

    def run(self, rate: float, *, lead_in_seconds: float, seconds: float) -> Trial:
        """Raises BenchError when a message was lost, came twice or out of order."""
        begin = time.perf_counter() + HEAD_START_SECONDS
        self._load.tell(
            Step(
                rate=rate,
                begin_ns=round(begin * 1e9),
                lead_in_seconds=lead_in_seconds,
                seconds=seconds,
                drain_seconds=DRAIN_SECONDS,
            )
        )
        time.sleep(HEAD_START_SECONDS + lead_in_seconds)
        before = (*self.server.cpu_seconds(), machine_cpu_seconds())
        time.sleep(max(0.0, begin + lead_in_seconds + seconds - time.perf_counter()))
        after = (*self.server.cpu_seconds(), machine_cpu_seconds())
        outcome = self._load.outcome(lead_in_seconds + seconds)
        if outcome.faults:
            told = "\n".join(f"  {fault}" for fault in outcome.faults)
            raise BenchError(f"{self.name} at {rate:,.0f}/s was not exact:\n{told}")
        self._acked = outcome.acked_in_all
        return Trial(
            rate=rate,
            seconds=seconds,
            outcome=outcome,
            server_cpu_seconds=after[0] - before[0],
            postgres_cpu_seconds=after[1] - before[1],
            machine_cpu_seconds=after[2] - before[2],
        )

    def check_stored(self) -> int:
        """How many messages PostgreSQL holds: all that were acknowledged, and no other."""
        stored = self.server.stored_messages()
        if stored != self._acked:
            raise BenchError(
                f"{self.name} acknowledged {self._acked:,} messages and stored {stored:,}"
            )
        return stored


@contextmanager
def contestant(server: Server) -> Iterator[Contestant]:
    with generator(server.cast) as load:
        yield Contestant(server, load)
