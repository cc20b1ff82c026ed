"""What goes into PostgreSQL comes out equal, over both drivers and every version."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from storage.database import Database, open_database
from tests.storage.database.servers import Server

ANA, BEN = uuid.UUID(int=1), uuid.UUID(int=2)
NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
LARGE = bytes(range(256)) * 20_000  # more than a socket takes at once

VALUES: list[tuple[str, Any]] = [
    ("uuid", ANA),
    ("uuid[]", [ANA, BEN]),
    ("uuid[]", []),
    ("bigint", -(2**63)),
    ("bigint", 2**63 - 1),
    ("integer", 2**31 - 1),
    ("smallint", -1),
    ("bigint[]", [1, None, 3]),
    ("text", "Zoë 🦊 \\ ' \" $1"),
    ("text", ""),
    ("text[]", ["a", "{b,c}", 'quo"ted', None]),
    ("bytea", b"\x00\xff\x00"),
    ("bytea", LARGE),
    ("bytea[]", [b"", b"\x00"]),
    ("timestamptz", NOON),
    ("timestamptz[]", [NOON, NOON + timedelta(days=1)]),
    ("interval", timedelta(days=3, seconds=5)),
    ("point", asyncpg.Point(13.4, 52.5)),
    ("boolean", True),
    ("boolean[]", [True, False, None]),
    ("float8", 0.1),
    ("float8", float("inf")),
    ("numeric", Decimal("12345678901234567890.000001")),
    ("json", '{"b": 1, "a": [null, "é"]}'),
    ("jsonb", '{"a": [null, "é"], "b": 1}'),
    ("jsonb[]", ['{"a": 1}', "[]"]),
    *[(kind, None) for kind in ("uuid", "bigint[]", "text", "bytea", "timestamptz", "jsonb")],
]


@pytest.fixture
async def each_database(each_postgres: Server, driver: str) -> AsyncIterator[Database]:
    async with open_database(each_postgres.url, driver=driver) as database:
        yield database


def named(value: object) -> str:
    return str(value)[:20]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=named)
async def test_what_goes_in_comes_out_equal(
    each_database: Database, kind: str, value: object
) -> None:
    async with each_database.transaction() as tx:
        await tx.run(f"CREATE TEMP TABLE kept (value {kind}) ON COMMIT DROP")
        await tx.run("INSERT INTO kept VALUES ($1)", value)
        assert await tx.value("SELECT value FROM kept") == value


async def test_a_moment_in_another_zone_comes_back_as_the_same_moment_in_utc(
    each_database: Database,
) -> None:
    moment = datetime.fromisoformat("2026-11-20T14:00:00+02:00")
    async with each_database.transaction() as tx:
        back = await tx.value("SELECT $1::timestamptz", moment)
    assert back == moment
    assert back.utcoffset() == timedelta(0)


async def test_rows_are_made_of_several_arrays(each_database: Database) -> None:
    async with each_database.transaction() as tx:
        rows = await tx.rows(
            "SELECT person, name, turn FROM unnest($1::uuid[], $2::text[]) "
            "WITH ORDINALITY AS given (person, name, turn)",
            [ANA, BEN],
            ["Ana", None],
        )
    assert [dict(row) for row in rows] == [
        {"person": ANA, "name": "Ana", "turn": 1},
        {"person": BEN, "name": None, "turn": 2},
    ]


async def test_any_finds_what_is_in_the_array(each_database: Database) -> None:
    async with each_database.transaction() as tx:
        rows = await tx.rows(
            "SELECT n FROM generate_series(1, 9) AS n WHERE n = ANY($1::bigint[])", [2, 5, 11]
        )
    assert [row["n"] for row in rows] == [2, 5]


async def test_a_row_within_a_row_and_a_type_of_our_own_are_read(each_database: Database) -> None:
    async with each_database.transaction() as tx:
        await tx.run("CREATE TYPE pg_temp.mood AS ENUM ('glad', 'sad')")
        assert await tx.value("SELECT ROW(1, 'x'::text)") == (1, "x")
        assert await tx.value("SELECT $1::pg_temp.mood[]", ["sad", "glad"]) == ["sad", "glad"]


async def test_row_value_and_run_say_what_there_is(each_database: Database) -> None:
    async with each_database.transaction() as tx:
        assert await tx.row("SELECT 1 WHERE false") is None
        assert await tx.value("SELECT 1 WHERE false") is None
        assert await tx.rows("SELECT 1 WHERE false") == []
        assert await tx.run("CREATE TEMP TABLE seats (n int) ON COMMIT DROP") == 0
        assert await tx.run("INSERT INTO seats SELECT generate_series(1, $1::int)", 12) == 12
        assert await tx.run("UPDATE seats SET n = n + 1 WHERE n > $1", 9) == 3
        assert await tx.run("DELETE FROM seats") == 12
