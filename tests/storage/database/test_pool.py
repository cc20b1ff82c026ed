# ruff: noqa: PT012 - what raises is a whole transaction, and its statements belong together
"""Few connections for many callers, in turn; what breaks is thrown away and replaced."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from storage.database import Database, DatabaseUnavailable, Limits, open_database
from tests.storage.database.servers import Server, frozen

PATIENCE_SECONDS = 10
HURRIED = Limits(
    wait_seconds=0.5,
    answer_seconds=0.4,
    finish_seconds=0.4,
    drain_seconds=0.4,
    tick_seconds=0.01,
)


async def backend(database: Database) -> int:
    async with database.transaction() as tx:
        return int(await tx.value("SELECT pg_backend_pid()"))


async def backends(database: Database, count: int) -> set[int]:
    """Of `count` transactions at the same time."""
    pids: set[int] = set()
    here = 0
    everybody_is_here = trio.Event()

    async def one() -> None:
        nonlocal here
        async with database.transaction() as tx:
            pids.add(await tx.value("SELECT pg_backend_pid()"))
            here += 1
            if here == count:
                everybody_is_here.set()
            await everybody_is_here.wait()

    with trio.fail_after(PATIENCE_SECONDS):
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(one)
    return pids


async def test_many_callers_share_few_connections(postgres: Server, driver: str) -> None:
    pids: set[int] = set()

    async def call(database: Database) -> None:
        pids.add(await backend(database))

    async with (
        open_database(postgres.url, driver=driver, connections_max=3) as database,
        trio.open_nursery() as nursery,
    ):
        for _ in range(50):
            nursery.start_soon(call, database)
    assert len(pids) == 3


async def test_callers_are_served_in_the_order_they_came(postgres: Server, driver: str) -> None:
    served: list[str] = []

    async def call(database: Database, name: str) -> None:
        async with database.transaction() as tx:
            served.append(await tx.value("SELECT $1::text", name))

    async with (
        open_database(postgres.url, driver=driver, connections_max=1) as database,
        trio.open_nursery() as nursery,
    ):
        async with database.transaction():
            for name in ("Ana", "Ben", "Chloe", "Eve"):
                nursery.start_soon(call, database, name)
                await wait_all_tasks_blocked()
        # Dan asks just as the connection comes back, and may not jump the queue.
        nursery.start_soon(call, database, "Dan")
    assert served == ["Ana", "Ben", "Chloe", "Eve", "Dan"]


async def test_who_waits_too_long_is_told_how_many_others_wait(
    postgres: Server, driver: str
) -> None:
    async with (
        open_database(postgres.url, driver=driver, connections_max=1, limits=HURRIED) as database,
        database.transaction(),
    ):
        with pytest.raises(DatabaseUnavailable, match=r"no connection within 0\.5 s: 1 at most"):
            await backend(database)


async def test_who_gives_up_waiting_leaves_the_turn_to_the_next(
    postgres: Server, driver: str
) -> None:
    async with open_database(postgres.url, driver=driver, connections_max=1) as database:
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as ana:
                async with database.transaction():
                    impatient = trio.CancelScope()

                    async def gives_up() -> None:
                        with impatient:
                            await backend(database)

                    nursery.start_soon(gives_up)
                    await wait_all_tasks_blocked()
                    nursery.start_soon(backend, database)
                    await wait_all_tasks_blocked()
                    impatient.cancel()
            assert not ana.cancelled_caught
        assert len(await backends(database, 1)) == 1


async def test_an_idle_connection_that_died_is_replaced_unnoticed(
    postgres: Server, driver: str
) -> None:
    async with (
        open_database(postgres.url, driver=driver, connections_max=4) as database,
        open_database(postgres.url, driver=driver, connections_max=1) as administration,
    ):
        before = await backends(database, 4)
        async with administration.transaction() as tx:
            await tx.rows("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", before)
        after = await backends(database, 4)
    assert len(after) == 4
    assert not before & after


async def test_connections_long_unused_are_closed(postgres: Server, driver: str) -> None:
    limits = Limits(idle_seconds=0.02, tick_seconds=0.01)
    async with (
        open_database(postgres.url, driver=driver, limits=limits) as database,
        open_database(postgres.url, driver=driver, connections_max=1) as administration,
    ):
        pids = await backends(database, 3)
        with trio.fail_after(PATIENCE_SECONDS):
            while await alive(administration, pids):
                await trio.lowlevel.checkpoint()
        assert len(await backends(database, 3)) == 3


async def alive(database: Database, pids: set[int]) -> int:
    async with database.transaction() as tx:
        return int(
            await tx.value("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)", pids)
        )


async def test_a_restarted_server_is_used_again_without_restarting_us(
    mortal_postgres: Server, driver: str
) -> None:
    async with open_database(mortal_postgres.url, driver=driver, connections_max=4) as database:
        await backends(database, 4)
        mortal_postgres.stop()
        try:
            for _ in range(3):
                with pytest.raises(DatabaseUnavailable):
                    await backend(database)
        finally:
            mortal_postgres.start()
        assert len(await backends(database, 4)) == 4


async def test_a_server_that_crashes_in_the_middle_of_a_query_is_unavailable_and_comes_back(
    mortal_postgres: Server, driver: str
) -> None:
    async with open_database(mortal_postgres.url, driver=driver) as database:
        async with trio.open_nursery() as nursery:
            asleep = trio.Event()

            async def sleep() -> None:
                with pytest.raises(DatabaseUnavailable, match="lost"):
                    async with database.transaction() as tx:
                        await tx.value("SELECT 1")
                        asleep.set()
                        await tx.run("SELECT pg_sleep(60)")

            nursery.start_soon(sleep)
            await asleep.wait()
            await wait_all_tasks_blocked()
            mortal_postgres.crash()
        mortal_postgres.start()
        assert await backend(database)


async def test_a_backend_killed_without_a_word_is_an_unavailable_database(
    mortal_postgres: Server, driver: str
) -> None:
    async with open_database(mortal_postgres.url, driver=driver) as database:
        with pytest.raises(DatabaseUnavailable, match="lost"):
            async with database.transaction() as tx:
                os.kill(await tx.value("SELECT pg_backend_pid()"), signal.SIGKILL)
                await tx.run("SELECT pg_sleep(60)")
        with trio.fail_after(PATIENCE_SECONDS):
            while not await recovered(database):
                await trio.lowlevel.checkpoint()


async def recovered(database: Database) -> bool:
    try:
        return bool(await backend(database))
    except DatabaseUnavailable:
        return False


async def test_a_server_that_hangs_is_unavailable_and_its_connection_replaced(
    postgres: Server, driver: str
) -> None:
    async with open_database(
        postgres.url, driver=driver, connections_max=1, limits=HURRIED
    ) as database:
        with ExitStack() as freezer, pytest.raises(DatabaseUnavailable, match="lost"):
            async with database.transaction() as tx:
                hanging = await tx.value("SELECT pg_backend_pid()")
                freezer.enter_context(frozen(hanging))
                await tx.value("SELECT 1")
        assert await backend(database) != hanging


async def test_a_cancelled_query_that_cannot_be_drained_costs_its_connection_alone(
    postgres: Server, driver: str
) -> None:
    async with open_database(
        postgres.url, driver=driver, connections_max=1, limits=HURRIED
    ) as database:
        with ExitStack() as freezer, trio.CancelScope() as scope:
            async with database.transaction() as tx:
                hanging = await tx.value("SELECT pg_backend_pid()")
                freezer.enter_context(frozen(hanging))
                scope.deadline = trio.current_time() + 0.02
                await tx.value("SELECT 1")
        assert scope.cancelled_caught
        assert await backend(database) != hanging


async def test_a_commit_without_an_answer_is_unavailable_with_unknown_outcome(
    postgres: Server, driver: str
) -> None:
    async with open_database(
        postgres.url, driver=driver, connections_max=1, limits=HURRIED
    ) as database:
        block = database.transaction()
        tx = await block.__aenter__()
        with frozen(await tx.value("SELECT pg_backend_pid()")):
            with pytest.raises(DatabaseUnavailable, match="unknown"):
                await block.__aexit__(None, None, None)
            assert await backend(database)


async def test_a_port_that_accepts_and_says_nothing_is_given_up(driver: str) -> None:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, silence, 0)
        port = listeners[0].socket.getsockname()[1]
        url = f"postgresql://ana:x@127.0.0.1:{port}/postgres?sslmode=disable"
        limits = Limits(connect_seconds=0.05, tick_seconds=0.01)
        async with open_database(url, driver=driver, limits=limits) as database:
            with pytest.raises(DatabaseUnavailable, match=r"did not answer within 0\.05 s"):
                await backend(database)
        nursery.cancel_scope.cancel()


async def silence(stream: trio.SocketStream) -> None:
    async with stream:
        await trio.sleep_forever()


async def test_a_statement_is_prepared_once_for_each_connection(
    postgres: Server, driver: str
) -> None:
    async with open_database(postgres.url, driver=driver, connections_max=1) as database:
        for n in range(5):
            async with database.transaction() as tx:
                assert await tx.value("SELECT $1::int + 1", n) == n + 1
        async with database.transaction() as tx:
            rows = await tx.rows(
                "SELECT generic_plans + custom_plans AS uses FROM pg_prepared_statements "
                "WHERE statement = 'SELECT $1::int + 1'"
            )
    assert [row["uses"] for row in rows] == [5]
