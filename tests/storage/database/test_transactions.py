# ruff: noqa: PT012 - what raises is a whole transaction, and its statements belong together
"""A block that ends well is committed whole; any other leaves nothing."""

from __future__ import annotations

import asyncpg
import pytest
import trio
from trio.testing import MockClock

from storage.database import (
    Database,
    DatabaseUnavailable,
    Transaction,
    TransactionFailed,
    UniqueViolation,
    open_database,
)
from tests.storage.database.servers import Server


class ChangedMyMind(Exception):
    pass


@pytest.fixture
async def database(database: Database) -> Database:
    await database.script("DROP TABLE IF EXISTS notes; CREATE TABLE notes (id int PRIMARY KEY)")
    return database


async def kept(database: Database) -> list[int]:
    async with database.transaction(read_only=True) as tx:
        return [row["id"] for row in await tx.rows("SELECT id FROM notes ORDER BY id")]


async def write(tx: Transaction, *ids: int) -> int:
    return await tx.run("INSERT INTO notes SELECT unnest($1::int[])", ids)


async def test_what_a_block_wrote_is_there_afterwards(database: Database) -> None:
    async with database.transaction() as tx:
        await write(tx, 1)
        await write(tx, 2, 3)
    assert await kept(database) == [1, 2, 3]


async def test_an_exception_undoes_the_block_and_comes_out_as_it_was(database: Database) -> None:
    with pytest.raises(ChangedMyMind):
        async with database.transaction() as tx:
            await write(tx, 1)
            raise ChangedMyMind
    assert await kept(database) == []


async def test_an_exception_beside_a_transaction_comes_out_as_it_was(
    postgres: Server, driver: str
) -> None:
    with pytest.raises(ChangedMyMind):
        async with open_database(postgres.url, driver=driver):
            raise ChangedMyMind


async def test_nobody_sees_a_block_before_its_end(database: Database) -> None:
    async with database.transaction() as tx:
        await write(tx, 1)
        assert await kept(database) == []
    assert await kept(database) == [1]


async def test_a_savepoint_undoes_its_own_part_alone(database: Database) -> None:
    async with database.transaction() as tx:
        await write(tx, 1)
        with pytest.raises(UniqueViolation):
            async with tx.savepoint():
                await write(tx, 2)
                await write(tx, 1)
        async with tx.savepoint():
            await write(tx, 3)
            with pytest.raises(ChangedMyMind):
                async with tx.savepoint():
                    await write(tx, 4)
                    raise ChangedMyMind
    assert await kept(database) == [1, 3]


async def test_a_savepoint_given_up_in_the_middle_of_a_query_leaves_the_rest(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        await write(tx, 1)
        with trio.move_on_after(0.02):
            async with tx.savepoint():
                await write(tx, 2)
                await tx.run("SELECT pg_sleep(60)")
        await write(tx, 3)
    assert await kept(database) == [1, 3]


async def test_going_on_after_an_error_of_sql_is_told_at_the_commit(database: Database) -> None:
    with pytest.raises(TransactionFailed, match="nothing was committed"):
        async with database.transaction() as tx:
            await write(tx, 1)
            with pytest.raises(UniqueViolation):
                await write(tx, 1)
    assert await kept(database) == []


async def test_a_read_only_block_sees_one_moment_and_cannot_write(database: Database) -> None:
    async with database.transaction(read_only=True) as reading:
        assert await reading.value("SELECT count(*) FROM notes") == 0
        async with database.transaction() as writing:
            await write(writing, 1)
        assert await reading.value("SELECT count(*) FROM notes") == 0
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with database.transaction(read_only=True) as tx:
            await write(tx, 2)


async def test_a_block_sees_what_others_committed_meanwhile(database: Database) -> None:
    async with database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM notes") == 0
        async with database.transaction() as other:
            await write(other, 1)
        assert await tx.value("SELECT count(*) FROM notes") == 1


async def test_a_commit_is_carried_out_though_the_task_is_cancelled(database: Database) -> None:
    with trio.CancelScope() as scope:
        async with database.transaction() as tx:
            await write(tx, 1)
            scope.cancel()
    assert await kept(database) == [1]


async def test_a_cancelled_block_is_undone(database: Database) -> None:
    with trio.CancelScope() as scope:
        async with database.transaction() as tx:
            await write(tx, 1)
            scope.cancel()
            await write(tx, 2)
    assert scope.cancelled_caught
    assert await kept(database) == []


async def test_a_connection_lost_in_the_block_is_an_unavailable_database(
    database: Database,
) -> None:
    with pytest.raises(DatabaseUnavailable, match="lost"):
        async with database.transaction() as tx:
            await write(tx, 1)
            await tx.run("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await kept(database) == []


async def test_a_connection_lost_in_the_commit_is_an_unavailable_database(
    database: Database,
) -> None:
    """The trigger ends the session inside the COMMIT itself."""
    await database.script(
        """
        CREATE OR REPLACE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1);
           RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON notes
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die();
        """
    )
    with pytest.raises(DatabaseUnavailable):
        async with database.transaction() as tx:
            await write(tx, 1)
    assert await kept(database) == []


async def test_an_ended_transaction_cannot_be_used(database: Database) -> None:
    async with database.transaction() as tx:
        pass
    with pytest.raises(RuntimeError, match="has ended"):
        await tx.value("SELECT 1")


async def test_a_statement_prepared_before_a_migration_works_again_when_asked_again(
    database: Database, postgres: Server, driver: str
) -> None:
    async with open_database(postgres.url, driver=driver, connections_max=1) as one:
        async with one.transaction() as tx:
            await tx.rows("SELECT * FROM notes WHERE id = $1", 1)
        await database.script("ALTER TABLE notes ADD COLUMN words text")
        with pytest.raises(DatabaseUnavailable, match="schema changed"):
            async with one.transaction() as tx:
                await tx.rows("SELECT * FROM notes WHERE id = $1", 1)
        async with one.transaction() as tx:
            assert await tx.rows("SELECT * FROM notes WHERE id = $1", 1) == []


async def test_moving_the_clock_of_a_test_does_not_lose_the_database(
    database: Database, autojump_clock: MockClock
) -> None:
    async with database.transaction() as tx:
        autojump_clock.jump(3600)
        await tx.run("SELECT pg_sleep(0.05)")
        await trio.sleep(3600)
        assert await tx.value("SELECT 1") == 1
