from collections.abc import Awaitable, Callable

import pytest

from storage import housekeeping, journal
from storage.database import Transaction
from storage.ids import new_id

ENTRY = """
    INSERT INTO journal (topic, seq, kind, body, at)
    VALUES ($1, $2, 'noted', '{}', now() - make_interval(days => $3))
"""
TIP = "INSERT INTO topics (topic, last_seq) VALUES ($1, $2)"
ANSWER = """
    INSERT INTO idempotency (user_id, action, key, body_hash, answer, created_at)
    VALUES ($1, 'write_note', $2, '', '{}', now() - make_interval(hours => $3))
"""


async def test_old_entries_go_and_the_topics_number_stays(tx: Transaction) -> None:
    topic = f"test:{new_id()}"
    await tx.run(TIP, topic, 2)
    await tx.run(ENTRY, topic, 1, housekeeping.JOURNAL_DAYS_KEPT + 1)
    await tx.run(ENTRY, topic, 2, housekeeping.JOURNAL_DAYS_KEPT - 1)

    assert await housekeeping.forget_old_entries(tx) == 1
    assert [entry.seq for entry in await journal.between(tx, [(topic, 0, 9)])] == [2]
    assert await journal.tip(tx, topic) == 2


async def test_old_answers_go(tx: Transaction) -> None:
    ana = new_id()
    await tx.run(ANSWER, ana, "old", housekeeping.ANSWER_HOURS_KEPT + 1)
    await tx.run(ANSWER, ana, "new", housekeeping.ANSWER_HOURS_KEPT - 1)

    assert await housekeeping.forget_old_answers(tx) == 1
    assert await tx.value("SELECT key FROM idempotency WHERE user_id = $1", ana) == "new"


@pytest.mark.parametrize(
    "forget", [housekeeping.forget_old_entries, housekeeping.forget_old_answers]
)
async def test_one_transaction_takes_a_bounded_share(
    tx: Transaction,
    monkeypatch: pytest.MonkeyPatch,
    forget: Callable[[Transaction], Awaitable[int]],
) -> None:
    monkeypatch.setattr(housekeeping, "ROWS_MAX", 2)
    topic = f"test:{new_id()}"
    for number in range(1, 4):
        await tx.run(ENTRY, topic, number, housekeeping.JOURNAL_DAYS_KEPT + 1)
        await tx.run(ANSWER, new_id(), "old", housekeeping.ANSWER_HOURS_KEPT + 1)

    assert [await forget(tx) for _ in range(3)] == [2, 1, 0]
