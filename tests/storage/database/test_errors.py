# ruff: noqa: PT012 - what raises is a whole transaction, and its statements belong together
"""What PostgreSQL refuses, in the names that the rest of the program imports."""

from __future__ import annotations

import asyncpg
import pytest
import trio

from storage.database import (
    CheckViolation,
    Database,
    DatabaseUnavailable,
    Deadlock,
    ForeignKeyViolation,
    IntegrityError,
    Limits,
    QueryCanceled,
    SerializationFailure,
    UniqueViolation,
    open_database,
)
from tests.storage.database.servers import Server, free_port

TABLES = """
DROP TABLE IF EXISTS tickets, people;
CREATE TABLE people (id bigint PRIMARY KEY, age int CONSTRAINT grown_up CHECK (age >= 18));
CREATE TABLE tickets (
    id bigint PRIMARY KEY,
    holder bigint CONSTRAINT holder_exists REFERENCES people DEFERRABLE INITIALLY IMMEDIATE
);
INSERT INTO people VALUES (1, 30), (2, 40);
"""

REFUSED = [
    ("INSERT INTO people VALUES (1, 20)", UniqueViolation, "23505", "people_pkey"),
    ("INSERT INTO tickets VALUES (1, 9)", ForeignKeyViolation, "23503", "holder_exists"),
    ("INSERT INTO people VALUES (3, 17)", CheckViolation, "23514", "grown_up"),
    ("SELEKT 1", asyncpg.PostgresSyntaxError, "42601", None),
    ("SELECT * FROM nowhere", asyncpg.UndefinedTableError, "42P01", None),
    ("SELECT 1 / 0", asyncpg.DivisionByZeroError, "22012", None),
    ("SELECT 'x'::uuid", asyncpg.InvalidTextRepresentationError, "22P02", None),
]


@pytest.fixture
async def database(database: Database) -> Database:
    await database.script(TABLES)
    return database


@pytest.mark.parametrize(("sql", "error", "sqlstate", "constraint"), REFUSED)
async def test_an_error_has_its_type_state_and_constraint(
    database: Database, sql: str, error: type[Exception], sqlstate: str, constraint: str | None
) -> None:
    with pytest.raises(error) as raised:
        async with database.transaction() as tx:
            await tx.row(sql)
    assert raised.value.sqlstate == sqlstate  # type: ignore[attr-defined]  # asyncpg's
    assert getattr(raised.value, "constraint_name", None) == constraint


@pytest.mark.parametrize("error", [UniqueViolation, ForeignKeyViolation, CheckViolation])
def test_violations_are_integrity_errors(error: type[Exception]) -> None:
    assert issubclass(error, IntegrityError)


async def test_a_value_of_the_wrong_type_is_an_error_that_spares_the_transaction(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        with pytest.raises(asyncpg.DataError):
            await tx.value("SELECT $1::bigint", "Ana")
        assert await tx.value("SELECT 1") == 1


async def test_a_constraint_checked_at_the_commit_is_raised_by_the_block(
    database: Database,
) -> None:
    with pytest.raises(ForeignKeyViolation):
        async with database.transaction() as tx:
            await tx.run("SET CONSTRAINTS holder_exists DEFERRED")
            await tx.run("INSERT INTO tickets VALUES ($1, $2)", 1, 9)
    async with database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM tickets") == 0


async def test_two_who_wait_for_each_other_end_in_a_deadlock_for_one(database: Database) -> None:
    outcomes: list[str] = []
    both_hold_one = {1: trio.Event(), 2: trio.Event()}

    async def ages(first: int, then: int) -> None:
        try:
            async with database.transaction() as tx:
                await tx.run("UPDATE people SET age = age + 1 WHERE id = $1", first)
                both_hold_one[first].set()
                await both_hold_one[then].wait()
                await tx.run("UPDATE people SET age = age + 1 WHERE id = $1", then)
        except Deadlock:
            outcomes.append("deadlock")
        else:
            outcomes.append("committed")

    await database.script("ALTER ROLE postgres SET deadlock_timeout = '20ms'")  # for new ones
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ages, 1, 2)
        nursery.start_soon(ages, 2, 1)
    assert sorted(outcomes) == ["committed", "deadlock"]


async def test_a_snapshot_that_came_too_late_fails_to_serialize(database: Database) -> None:
    with pytest.raises(SerializationFailure):
        async with database.transaction() as slow:
            await slow.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await slow.value("SELECT age FROM people WHERE id = 1")
            async with database.transaction() as quick:
                await quick.run("UPDATE people SET age = 50 WHERE id = 1")
            await slow.run("UPDATE people SET age = 60 WHERE id = 1")


async def test_a_statement_that_takes_too_long_is_cancelled_by_the_server(
    postgres: Server, driver: str
) -> None:
    limits = Limits(statement_seconds=0.02)
    async with open_database(postgres.url, driver=driver, limits=limits) as database:
        with pytest.raises(QueryCanceled):
            async with database.transaction() as tx:
                await tx.run("SELECT pg_sleep(60)")


async def test_where_nothing_listens_the_database_is_unavailable(driver: str) -> None:
    url = f"postgresql://ana:x@127.0.0.1:{free_port()}/postgres"
    async with open_database(url, driver=driver) as database:
        with pytest.raises(DatabaseUnavailable, match="cannot connect to the database"):
            async with database.transaction():
                pass


async def test_a_socket_that_is_not_there_is_an_unavailable_database(driver: str) -> None:
    url = "postgresql://postgres@/postgres?host=/nowhere"
    async with open_database(url, driver=driver) as database:
        with pytest.raises(DatabaseUnavailable, match="cannot connect to the database"):
            await database.script("SELECT 1")


async def test_an_unknown_driver_is_named(postgres: Server) -> None:
    with pytest.raises(ValueError, match="not 'psycopg'"):
        async with open_database(postgres.url, driver="psycopg"):
            pass
