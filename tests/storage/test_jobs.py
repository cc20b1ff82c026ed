"""The queue: who holds a job, for how long, and what becomes of it."""

import pytest
import trio

from storage import jobs
from storage.database import Database, Transaction
from storage.jobs import Job, claim, enqueue, finish, put_back, renew
from storage.words import Nothing

WALK, SWIM = "walk", "swim"


async def one(tx: Transaction) -> Job:
    [job] = await claim(tx, [WALK], 10)
    return job


async def time_passes(tx: Transaction, seconds: float) -> None:
    await tx.run(
        """
        UPDATE jobs SET run_at = run_at - make_interval(secs => $1),
                        claimed_until = claimed_until - make_interval(secs => $1)
        """,
        seconds,
    )


async def test_a_job_is_claimed_once_and_gone_when_it_is_done(tx: Transaction) -> None:
    await enqueue(tx, WALK, Nothing())
    job = await one(tx)

    assert (job.kind, job.body, job.attempt) == (WALK, b"{}", 1)
    assert await claim(tx, [WALK], 10) == []
    assert await finish(tx, job)
    await time_passes(tx, 1e6)
    assert await claim(tx, [WALK], 10) == []


async def test_kinds_that_one_does_not_know_are_left_to_others(tx: Transaction) -> None:
    await enqueue(tx, SWIM, Nothing())

    assert await claim(tx, [WALK], 10) == []
    assert len(await claim(tx, [WALK, SWIM], 10)) == 1


async def test_no_more_is_claimed_than_asked_for(tx: Transaction) -> None:
    for _ in range(5):
        await enqueue(tx, WALK, Nothing())

    assert len(await claim(tx, [WALK], 3)) == 3
    assert len(await claim(tx, [WALK], 3)) == 2


async def test_when_a_lease_ends_the_job_is_anybodys_and_the_first_claim_is_worth_nothing(
    tx: Transaction,
) -> None:
    await enqueue(tx, WALK, Nothing())
    first = await one(tx)
    await time_passes(tx, jobs.LEASE_SECONDS + 1)
    second = await one(tx)

    assert (second.id, second.attempt) == (first.id, 2)
    assert not await renew(tx, first)
    assert not await finish(tx, first)
    assert not await put_back(tx, first, "late", pause_seconds=0)
    assert await finish(tx, second)


async def test_a_lease_that_is_renewed_goes_on(tx: Transaction) -> None:
    await enqueue(tx, WALK, Nothing())
    job = await one(tx)
    await time_passes(tx, jobs.LEASE_SECONDS - 1)
    assert await renew(tx, job)
    await time_passes(tx, jobs.LEASE_SECONDS - 1)

    assert await claim(tx, [WALK], 10) == []


async def test_what_went_wrong_waits_and_is_tried_again(tx: Transaction) -> None:
    await enqueue(tx, WALK, Nothing())
    await put_back(tx, await one(tx), "rain\x00", pause_seconds=30)
    assert await claim(tx, [WALK], 10) == []

    await time_passes(tx, 31)
    assert (await one(tx)).attempt == 2
    assert await tx.value("SELECT last_error FROM jobs") == "rain"


async def test_after_the_last_try_it_is_given_up_and_kept_to_be_seen(tx: Transaction) -> None:
    await enqueue(tx, WALK, Nothing())
    for attempt in range(1, jobs.TRIES_MAX + 1):
        job = await one(tx)
        assert job.attempt == attempt
        await put_back(tx, job, "rain", pause_seconds=0)

    assert await claim(tx, [WALK], 10) == []
    row = await tx.row("SELECT failed_at IS NOT NULL AS failed, last_error FROM jobs")
    assert row is not None
    assert (row["failed"], row["last_error"]) == (True, "rain")


async def test_a_job_that_kills_its_worker_each_time_is_given_up_too(tx: Transaction) -> None:
    await enqueue(tx, WALK, Nothing())
    for _ in range(jobs.TRIES_MAX):
        await one(tx)
        await time_passes(tx, jobs.LEASE_SECONDS + 1)

    assert await claim(tx, [WALK], 10) == []
    assert await tx.value("SELECT last_error FROM jobs") == "its worker was lost"


async def test_two_of_one_key_wait_as_one_but_a_running_one_does_not_count(tx: Transaction) -> None:
    assert await enqueue(tx, WALK, Nothing(), unique_key="ana") is not None
    assert await enqueue(tx, WALK, Nothing(), unique_key="ana") is None
    await one(tx)

    assert await enqueue(tx, WALK, Nothing(), unique_key="ana") is not None


async def test_long_failed_jobs_are_forgotten(tx: Transaction) -> None:
    await enqueue(tx, WALK, Nothing())
    await enqueue(tx, SWIM, Nothing())
    await tx.run(
        "UPDATE jobs SET failed_at = now() - make_interval(days => $1) WHERE kind = $2",
        jobs.FAILED_DAYS_KEPT + 1,
        WALK,
    )

    assert await jobs.forget_failed(tx, 10) == 1
    assert await tx.value("SELECT kind FROM jobs") == SWIM


@pytest.mark.race
async def test_many_workers_at_once_never_share_a_job(database: Database) -> None:
    async with database.transaction() as tx:
        for _ in range(40):
            await enqueue(tx, WALK, Nothing())
    claimed: list[Job] = []

    async def worker() -> None:
        while True:
            async with database.transaction() as tx:
                found = await claim(tx, [WALK], 3)
            if not found:
                return
            claimed.extend(found)

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(worker)

    assert len(claimed) == len({job.id for job in claimed}) == 40


@pytest.mark.race
async def test_without_skipping_locked_rows_they_would_be_shared(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what the test above would miss, it does not miss."""
    naive = """
        WITH due AS (SELECT id FROM jobs WHERE kind = ANY ($1::text[]) LIMIT $2),
             pause AS (SELECT pg_sleep(0.05 + 0 * $3::float8) FROM due LIMIT 1)
        SELECT id, kind, body, attempts + 1 AS attempts FROM jobs, pause
         WHERE id IN (SELECT id FROM due) AND claimed_until IS NULL
    """
    monkeypatch.setattr(jobs, "CLAIM", naive)
    async with database.transaction() as tx:
        await enqueue(tx, WALK, Nothing())
    claimed: list[Job] = []

    async def worker() -> None:
        async with database.transaction() as tx:
            claimed.extend(await claim(tx, [WALK], 3))

    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(worker)

    assert len(claimed) == 2
