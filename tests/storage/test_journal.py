from __future__ import annotations

from typing import ClassVar

import pytest
import trio

from storage import journal
from storage.database import Database, Transaction
from storage.journal import Entry, emit
from storage.words import Words
from tests.needs import scale


class Happened(Words):
    kind: ClassVar[str] = "happened"
    what: str


async def test_each_topic_counts_for_itself_and_in_the_order_of_events(tx: Transaction) -> None:
    emit(tx, "b", Happened(what="first"))
    emit(tx, "a", Happened(what="elsewhere"))
    emit(tx, "b", Happened(what="second"))

    entries = await journal.write(tx)

    assert [(entry.topic, entry.seq, entry.body) for entry in entries] == [
        ("b", 1, b'{"what":"first"}'),
        ("a", 1, b'{"what":"elsewhere"}'),
        ("b", 2, b'{"what":"second"}'),
    ]
    assert await journal.tips(tx, ["a", "b", "silent"]) == {"a": 1, "b": 2}
    assert await journal.tip(tx, "silent") == 0


async def test_what_was_missed_is_read_back_as_it_was_written(tx: Transaction) -> None:
    for number in range(1, 6):
        emit(tx, "a", Happened(what=f'event {number}, with "quotes" and 日本'))
    emit(tx, "b", Happened(what="other"))
    written = await journal.write(tx)

    missed = await journal.between(tx, [("a", 2, 4), ("b", 0, 9), ("silent", 0, 9)])

    expected = [entry for entry in written if entry.topic == "b" or entry.seq in (3, 4)]
    assert missed == expected
    assert await journal.between(tx, []) == []


async def test_nothing_happened_writes_nothing(tx: Transaction) -> None:
    assert await journal.write(tx) == []


@pytest.mark.race
async def test_numbers_have_no_gap_however_transactions_race_or_fail(database: Database) -> None:
    """Half of them emit in the opposite order, and a third roll back."""
    rounds = scale(60)

    async def one(number: int) -> None:
        topics = ["a", "b"] if number % 2 else ["b", "a"]
        try:
            async with database.transaction() as tx:
                for topic in topics:
                    emit(tx, topic, Happened(what=str(number)))
                await journal.write(tx)
                if number % 3 == 0:
                    raise LookupError
        except LookupError:
            pass

    async with trio.open_nursery() as nursery:
        for number in range(rounds):
            nursery.start_soon(one, number)

    async with database.transaction(read_only=True) as tx:
        entries = await journal.between(tx, [("a", 0, 10**6), ("b", 0, 10**6)])
        tips = await journal.tips(tx, ["a", "b"])
    committed = sum(number % 3 != 0 for number in range(rounds))
    for topic in ("a", "b"):
        assert _seqs(entries, topic) == list(range(1, committed + 1))
    assert tips == {"a": committed, "b": committed}


def _seqs(entries: list[Entry], topic: str) -> list[int]:
    return [entry.seq for entry in entries if entry.topic == topic]
