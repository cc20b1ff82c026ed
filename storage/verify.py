"""Recounting what is stored: checks that read the rows and name the first that contradicts another.

All checks of a run read one snapshot, so what is written meanwhile is no difference. Each is one
pass that PostgreSQL makes over whole tables: nothing here grows with the number of rows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from storage.database import QueryCanceled, StatementFailed, Transaction

First: TypeAlias = Callable[[Transaction], Awaitable[str | None]]
"""The first difference as a sentence, in an order that stays the same; None when all agrees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    holds: str
    """What is so when all is well, in words."""
    tables: tuple[str, ...]
    """Whose rows are looked at, all of them."""
    first: First


@dataclass(frozen=True, slots=True)
class Outcome:
    check: Check
    rows: int
    """How many were looked at."""
    difference: str | None


Told: TypeAlias = Callable[[Outcome], None]


def first_row(sql: str, order: str, sentence: str, *values: object) -> First:
    """The first row that `sql` finds, in the order of the columns named by `order`, said as
    `sentence`, which names columns in braces."""

    async def first(tx: Transaction) -> str | None:
        row = await tx.row(FIRST.format(sql=sql, order=order), *values)
        return None if row is None else sentence.format_map(row)

    return first


async def verify(tx: Transaction, checks: Iterable[Check], told: Told) -> Outcome | None:
    """Make the checks in their order, telling of each, up to the first that finds a difference.

    `tx` must read one snapshot: a read-only transaction. Answers that difference, or None.
    """
    counts: dict[str, int] = {}
    for check in checks:
        for table in check.tables:
            if table not in counts:
                counts[table] = await tx.value(COUNT.format(table=table))
        rows = sum(counts[table] for table in check.tables)
        outcome = Outcome(check, rows, await _difference(tx, check))
        told(outcome)
        if outcome.difference is not None:
            return outcome
    return None


async def _difference(tx: Transaction, check: Check) -> str | None:
    try:
        async with tx.savepoint():
            return await check.first(tx)
    except QueryCanceled:
        raise
    except (StatementFailed, msgspec.ValidationError) as error:
        # A broken page, or a body that is not what was written: found as well.
        return f"a row cannot be read: {error}"


# Materialized, or PostgreSQL would hope to meet one soon, and look up each row by itself: there is
# none, and walking once through everything is far quicker.
FIRST = """
    WITH differing AS MATERIALIZED ({sql})
    SELECT * FROM differing ORDER BY {order} LIMIT 1
"""

COUNT = "SELECT count(*) FROM {table}"
