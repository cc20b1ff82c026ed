"""Work that must happen, but not now: a queue in the database, beside what caused the work.

A job is written in the transaction of its cause, so it exists exactly when its cause does. Who
claims it holds it for a lease; when the holder dies, the lease ends and the job is anybody's
again. So a job runs at least once, and whatever runs it must not mind running twice.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.database import Transaction
from storage.ids import JobId, new_id
from storage.words import encode_text

CHANNEL = "loopync_jobs"
LEASE_SECONDS = 60.0
TRIES_MAX = 10
ERROR_CHARACTERS_MAX = 2_000
FAILED_DAYS_KEPT = 90


@dataclass(frozen=True, slots=True)
class Job:
    """A claim on a job. `attempt` counts from 1, and tells this claim from a later one."""

    id: JobId
    kind: str
    body: bytes
    attempt: int

    @property
    def last_try(self) -> bool:
        return self.attempt >= TRIES_MAX


async def enqueue(
    tx: Transaction,
    kind: str,
    body: Any,
    *,
    unique_key: str | None = None,
    run_at: datetime | None = None,
    wake: bool = True,
) -> JobId | None:
    """Have `kind` run with `body`, from `run_at` on (default: now).

    None when a job with this `unique_key` waits already; one that runs is no longer waiting, as
    it may have looked before what is new now. `wake=False` spares busy transactions the NOTIFY,
    which locks the whole database for a moment: the job then waits for the next poll.
    """
    job_id = JobId(new_id())
    if not await tx.run(ENQUEUE, job_id, kind, encode_text(body), unique_key, run_at):
        return None
    if wake and run_at is None:
        await tx.run("SELECT pg_notify($1, $2)", CHANNEL, kind)
    return job_id


async def claim(
    tx: Transaction, kinds: Collection[str], jobs_max: int, *, lease_seconds: float = LEASE_SECONDS
) -> list[Job]:
    """Up to `jobs_max` jobs that are due, the longest due first; others' claims are passed over."""
    await tx.run(GIVE_UP_LOST, TRIES_MAX)
    rows = await tx.rows(CLAIM, list(kinds), jobs_max, lease_seconds)
    return [Job(row["id"], row["kind"], row["body"].encode(), row["attempts"]) for row in rows]


async def renew(tx: Transaction, job: Job, *, lease_seconds: float = LEASE_SECONDS) -> bool:
    """Hold it for longer. False when it is no longer ours: then stop."""
    return bool(await tx.run(RENEW, job.id, job.attempt, lease_seconds))


async def finish(tx: Transaction, job: Job) -> bool:
    """It is done. False when the lease had ended and somebody else has it now."""
    return bool(await tx.run(FINISH, job.id, job.attempt))


async def put_back(tx: Transaction, job: Job, error: str, *, pause_seconds: float) -> bool:
    """It went wrong: try again after a pause, or give it up for a person to see."""
    error = error.replace("\x00", "")[:ERROR_CHARACTERS_MAX]
    values = (job.id, job.attempt, error, pause_seconds, job.last_try)
    return bool(await tx.run(PUT_BACK, *values))


async def give_back(tx: Transaction, job: Job) -> bool:
    """The end of the process interrupted it, which is no fault of its own: no try is counted."""
    return bool(await tx.run(GIVE_BACK, job.id, job.attempt))


async def forget_failed(tx: Transaction, rows_max: int) -> int:
    """Delete some that were given up long ago, and say how many."""
    return await tx.run(FORGET_FAILED, FAILED_DAYS_KEPT, rows_max)


ENQUEUE = """
    INSERT INTO jobs (id, kind, body, unique_key, run_at)
    VALUES ($1, $2, $3::json, $4, coalesce($5, now()))
        ON CONFLICT (unique_key) DO NOTHING
"""

# Somebody took it for the last time and never came back: it may be what kills them.
GIVE_UP_LOST = """
    UPDATE jobs SET failed_at = now(), last_error = coalesce(last_error, 'its worker was lost')
     WHERE failed_at IS NULL AND attempts >= $1 AND claimed_until < now()
"""

CLAIM = """
    UPDATE jobs
       SET attempts = attempts + 1,
           claimed_until = now() + make_interval(secs => $3),
           unique_key = NULL
     WHERE id IN (
           SELECT id FROM jobs
            WHERE failed_at IS NULL AND run_at <= now() AND kind = ANY ($1::text[])
              AND (claimed_until IS NULL OR claimed_until < now())
            ORDER BY run_at
            LIMIT $2
              FOR UPDATE SKIP LOCKED
           )
    RETURNING id, kind, body, attempts
"""

RENEW = """
    UPDATE jobs SET claimed_until = now() + make_interval(secs => $3)
     WHERE id = $1 AND attempts = $2 AND failed_at IS NULL
"""

FINISH = "DELETE FROM jobs WHERE id = $1 AND attempts = $2"

GIVE_BACK = """
    UPDATE jobs SET claimed_until = NULL, attempts = attempts - 1
     WHERE id = $1 AND attempts = $2
"""

PUT_BACK = """
    UPDATE jobs
       SET claimed_until = NULL,
           run_at = now() + make_interval(secs => $4),
           last_error = $3,
           failed_at = CASE WHEN $5 THEN now() END
     WHERE id = $1 AND attempts = $2
"""

FORGET_FAILED = """
    DELETE FROM jobs
     WHERE id IN (
           SELECT id FROM jobs WHERE failed_at < now() - make_interval(days => $1) LIMIT $2
           )
"""
