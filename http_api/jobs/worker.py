"""Takes jobs that are due and runs them, so many at a time, whatever becomes of each."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import msgspec
import structlog
import trio

from http_api.jobs.handlers import Handler
from storage import clock, jobs
from storage.database import DatabaseUnavailable, Deadlock, QueryCanceled, Transaction
from storage.gate import Gate
from storage.jobs import Job
from storage.words import Nothing

RUNNING_MAX = 8
POLL_SECONDS = 5.0
"""How late a job may be that nobody was woken for: one whose time came, or whose lease ended."""

OUTAGE_PAUSE_SECONDS = 1.0
RENEW_SECONDS = jobs.LEASE_SECONDS / 3
FIRST_PAUSE_SECONDS = 5.0
PAUSE_SECONDS_MAX = 3600.0
GIVE_BACK_SECONDS_MAX = 1.0

log = structlog.get_logger()


def pause_seconds(attempt: int, chance: float) -> float:
    """Before the next try: twice as long each time, spread out by `chance` (0 to 1)."""
    doubled: float = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)
    return min(doubled, PAUSE_SECONDS_MAX) * (0.5 + chance)


class Worker:
    def __init__(
        self,
        gate: Gate,
        handlers: Sequence[Handler],
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._gate = gate
        self._handlers = {handler.kind: handler for handler in handlers}
        self._chance = chance
        self._room = trio.Semaphore(RUNNING_MAX)
        self._wake = trio.Event()

    async def run(self) -> None:
        """Until cancelled. What runs then is given back, for the next process to run again."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen_for_ever)
            await self._through_outages(self._start_periodic)
            while True:
                self._wake = trio.Event()
                await self._room.acquire()
                self._room.release()
                claimed = await self._through_outages(self._claim)
                for job in claimed:
                    await self._room.acquire()
                    nursery.start_soon(self._run_one, job)
                if not claimed:
                    with trio.move_on_after(POLL_SECONDS):
                        await self._wake.wait()

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                async with self._gate.database.listening(jobs.CHANNEL, self._heard) as listening:
                    self._wake.set()
                    await listening.wait_lost()
            except DatabaseUnavailable as error:
                log.warning("jobs_link_failed", error=str(error))
            await trio.sleep(OUTAGE_PAUSE_SECONDS)

    def _heard(self, kind: str) -> None:
        self._wake.set()

    async def _through_outages(
        self, work: Callable[[Transaction], Awaitable[list[Job]]]
    ) -> list[Job]:
        while True:
            try:
                async with self._gate.database.transaction() as tx:
                    return await work(tx)
            except (DatabaseUnavailable, Deadlock, QueryCanceled) as error:
                log.warning("jobs_not_claimed", error=str(error))
                await trio.sleep(OUTAGE_PAUSE_SECONDS)

    async def _claim(self, tx: Transaction) -> list[Job]:
        return await jobs.claim(tx, self._handlers, self._room.value)

    async def _start_periodic(self, tx: Transaction) -> list[Job]:
        """See that each is waiting; whoever runs one puts the next in line."""
        for kind, handler in self._handlers.items():
            if handler.every_seconds is not None:
                await jobs.enqueue(tx, kind, Nothing(), unique_key=kind)
        return []

    async def _run_one(self, job: Job) -> None:
        """One job, to its end; no error of it gets further than this."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._hold, job, nursery.cancel_scope)
                await self._settle(job)
                nursery.cancel_scope.cancel()
        except Exception:
            # Its lease ends by itself, and then it is run again.
            log.exception("job_left", job_id=str(job.id), kind=job.kind)
        finally:
            self._room.release()
            self._wake.set()

    async def _settle(self, job: Job) -> None:
        """Run it, and say in the queue what became of it."""
        bound = log.bind(job_id=str(job.id), kind=job.kind, attempt=job.attempt)
        try:
            await self._perform(job)
        except Exception as error:
            bound.exception("job_failed", given_up=job.last_try)
            pause = pause_seconds(job.attempt, self._chance())
            await self._put_back(job, repr(error), pause)
        except BaseException:
            # The process ends: whoever comes next need not wait for the lease.
            with trio.move_on_after(GIVE_BACK_SECONDS_MAX, shield=True):
                async with self._gate.database.transaction() as tx:
                    await jobs.give_back(tx, job)
            raise
        else:
            async with self._gate.database.transaction() as tx:
                ours = await jobs.finish(tx, job)
            bound.info("job_done" if ours else "job_done_late")

    async def _perform(self, job: Job) -> None:
        handler = self._handlers[job.kind]
        if handler.every_seconds is not None:
            next_at = clock.utc_now() + timedelta(seconds=handler.every_seconds)
            async with self._gate.database.transaction() as tx:
                await jobs.enqueue(tx, job.kind, Nothing(), unique_key=job.kind, run_at=next_at)
        body = msgspec.json.decode(job.body, type=handler.body)
        with trio.fail_after(handler.seconds_max):
            await handler.run(self._gate, body)

    async def _hold(self, job: Job, work: trio.CancelScope) -> None:
        """Renew the lease while the job runs. Stop the work when somebody else has it."""
        while True:
            await trio.sleep(RENEW_SECONDS)
            try:
                async with self._gate.database.transaction() as tx:
                    if not await jobs.renew(tx, job):
                        work.cancel()
            except DatabaseUnavailable:
                log.warning("job_not_renewed", job_id=str(job.id), kind=job.kind)

    async def _put_back(self, job: Job, error: str, pause: float) -> None:
        async with self._gate.database.transaction() as tx:
            await jobs.put_back(tx, job, error, pause_seconds=pause)
