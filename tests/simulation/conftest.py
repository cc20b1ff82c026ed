"""A database for simulations, which one seed after another empties."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import Server
from tests.simulation.database import Postgres


@pytest.fixture(scope="session")
def postgres(server: Server) -> Iterator[Postgres]:
    with server.empty_database() as url:
        postgres = Postgres(url)
        yield postgres
        postgres.close()
