"""What tests share: one PostgreSQL for the run, a fresh database for each test that wants one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage.database import Database, Transaction, open_database
from storage.gate import Gate, open_gate
from storage.settings import Settings
from tests.postgres import Server, running_server
from tests.world import World

TEST_SECRET = b"a secret of the tests, long enough to sign with"
LIMITS_SCALE = 1000.0
"""So that no test meets a limit that it is not about."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One PostgreSQL with the whole schema in a template, from which databases are copied."""
    with running_server(tmp_path_factory) as server:
        yield server


@pytest.fixture
def database_url(server: Server) -> Iterator[str]:
    """A database of this test's own, with the schema and nobody in it."""
    with server.fresh_database() as url:
        yield url


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path,
        secret=TEST_SECRET,
        database_url=database_url,
        limits_scale=LIMITS_SCALE,
    )


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as database:
        yield database


@pytest.fixture
async def gate(settings: Settings) -> AsyncIterator[Gate]:
    """The real thing: pool, bus and batches over this test's own database."""
    async with open_gate(settings) as gate:
        yield gate


@pytest.fixture(scope="session")
def shared_url(server: Server) -> Iterator[str]:
    with server.fresh_database() as url:
        yield url


@pytest.fixture
async def tx(shared_url: str) -> AsyncIterator[Transaction]:
    """A transaction whose every change is undone when the test ends."""

    class TheEnd(Exception):
        pass

    async with open_database(shared_url, connections_max=1) as database:
        try:
            async with database.transaction() as tx:
                yield tx
                raise TheEnd
        except TheEnd:
            pass


@pytest.fixture
async def world(gate: Gate) -> World:
    """Ana, Ben, Chloe and Eve, signed up in this test's own database and strangers so far."""
    return await World.made(gate)
