"""Forgetting what is no longer promised. Each answers how many rows went: again, until it is 0."""

from __future__ import annotations

from storage.database import Transaction

JOURNAL_DAYS_KEPT = 30
ANSWER_HOURS_KEPT = 24
ROWS_MAX = 5_000
"""In one transaction, so that no lock is held for long."""


async def forget_old_entries(tx: Transaction) -> int:
    """Journal entries that no client may still ask for. Topics keep their last number."""
    return await tx.run(FORGET_ENTRIES, JOURNAL_DAYS_KEPT, ROWS_MAX)


async def forget_old_answers(tx: Transaction) -> int:
    """Remembered answers whose retries are no longer expected. Messages keep their own keys."""
    return await tx.run(FORGET_ANSWERS, ANSWER_HOURS_KEPT, ROWS_MAX)


FORGET_ENTRIES = """
    DELETE FROM journal
     WHERE (topic, seq) IN (
           SELECT topic, seq FROM journal WHERE at < now() - make_interval(days => $1) LIMIT $2
           )
"""

FORGET_ANSWERS = """
    DELETE FROM idempotency
     WHERE (user_id, action, key) IN (
           SELECT user_id, action, key FROM idempotency
            WHERE created_at < now() - make_interval(hours => $1)
            LIMIT $2
           )
"""
