"""One cancelled query: it ends at the server, and its connection serves the next caller clean."""

from __future__ import annotations

import pytest
import trio

from storage.database import QueryCanceled, open_database
from storage.database.trio_future import Future
from storage.database.trio_protocol import Loop
from storage.database.trio_transport import Transport
from tests.storage.database.servers import Server


async def cancelled_then_lent(url: str, driver: str) -> None:
    """Ana's query is cancelled, and Ben's comes next on the same connection."""
    async with open_database(url, driver=driver, connections_max=1) as database:
        with trio.CancelScope() as scope:
            async with database.transaction() as ana:
                scope.deadline = trio.current_time() + 0.005
                await ana.run("SELECT pg_sleep(0.02)")
        async with database.transaction() as ben:
            await ben.run("SELECT pg_sleep(0.1)")


async def test_a_cancel_request_never_hits_the_next_caller(postgres: Server, driver: str) -> None:
    await cancelled_then_lent(postgres.url, driver)


async def test_a_cancel_request_that_is_not_waited_for_hits_the_next_caller(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the answer is awaited, but not that the server has seen to the request."""
    cancel = Loop._cancel_at_server

    async def cancel_late(loop: Loop, transport: Transport) -> None:
        await trio.sleep(0.05)
        await cancel(loop, transport)

    async with trio.open_nursery() as nursery:

        async def cancel_without_waiting(self: Loop, transport: Transport) -> None:
            nursery.start_soon(cancel_late, self, transport)

        monkeypatch.setattr(Loop, "_cancel_at_server", cancel_without_waiting)
        with pytest.raises(QueryCanceled):
            await cancelled_then_lent(postgres.url, "trio")


async def backends_around_a_cancelled_query(url: str, driver: str) -> tuple[int, int]:
    async with open_database(url, driver=driver, connections_max=1) as database:
        with trio.CancelScope() as scope:
            async with database.transaction() as tx:
                before = await tx.value("SELECT pg_backend_pid()")
                scope.deadline = trio.current_time() + 0.01
                await tx.run("SELECT pg_sleep(5)")
        async with database.transaction() as tx:
            return before, await tx.value("SELECT pg_backend_pid()")


async def test_a_cancelled_query_is_ended_and_its_connection_lives_on(
    postgres: Server, driver: str
) -> None:
    with trio.fail_after(4):  # less than the query would have taken
        before, after = await backends_around_a_cancelled_query(postgres.url, driver)
    assert before == after


async def test_a_connection_that_was_not_drained_is_never_lent_again(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what the test above sees when draining does nothing."""

    async def drain_nothing(self: Loop, future: Future) -> None:
        pass

    monkeypatch.setattr(Loop, "_drain", drain_nothing)
    before, after = await backends_around_a_cancelled_query(postgres.url, "trio")
    assert before != after
