"""These tests are about requests, not rows: they share one database, which is quicker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio.testing

from storage.gate import Gate
from storage.ids import new_id
from storage.settings import Settings
from tests.conftest import LIMITS_SCALE, TEST_SECRET
from tests.postgres import Server
from tests.world import World, person


@pytest.fixture(scope="package")
def front_url(server: Server) -> Iterator[str]:
    with server.fresh_database() as url:
        yield url


@pytest.fixture
def settings(front_url: str, tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path, secret=TEST_SECRET, database_url=front_url, limits_scale=LIMITS_SCALE
    )


@pytest.fixture
async def world(gate: Gate) -> World:
    """The same people as everywhere, under handles that nobody has yet."""
    number = new_id().hex[-10:]
    async with gate.database.transaction() as tx:
        people = [await person(tx, f"{name}{number}") for name in ("Ana", "Ben", "Chloe", "Eve")]
    return World(*people)


@pytest.fixture
def clock(autojump_clock: trio.testing.MockClock) -> trio.testing.MockClock:
    """Jumps when nothing has moved for a moment: bytes on a socket are given time to arrive."""
    autojump_clock.autojump_threshold = 0.02
    return autojump_clock
