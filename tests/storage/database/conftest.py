"""Both drivers over a PostgreSQL of these tests' own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from storage.database import Database, open_database
from storage.embedded.programs import programs
from tests.needs import needs_package
from tests.storage.database.servers import Server

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(params=["trio", "asyncio"])
def driver(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The one that all share, and nobody harms."""
    yield from running(Server(tmp_path_factory.mktemp("pg"), programs()))


@pytest.fixture(scope="module")
def mortal_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that tests may stop, freeze and kill; they leave it running."""
    yield from running(Server(tmp_path_factory.mktemp("mortal"), programs()))


@pytest.fixture(scope="session")
def debian_postgres() -> Iterator[Server]:
    """PostgreSQL 15, built with TLS; only for tests marked with `needs_package`.

    It insists on walking down to its folder by name, and for root, pytest closes its folders to
    the user whom the server runs as.
    """
    with TemporaryDirectory(prefix="loopync-test-") as folder:
        Path(folder).chmod(0o711)
        yield from running(Server(Path(folder), DEBIAN_15, tls=True))


@pytest.fixture(
    scope="session",
    params=["embedded", pytest.param("debian", marks=needs_package("postgresql-15"))],
)
def each_postgres(request: pytest.FixtureRequest) -> Server:
    """Every version we promise to run on."""
    if request.param == "embedded":
        server: Server = request.getfixturevalue("postgres")
    else:
        server = request.getfixturevalue("debian_postgres")
    return server


@pytest.fixture
async def database(postgres: Server, driver: str) -> AsyncIterator[Database]:
    async with open_database(postgres.url, driver=driver) as database:
        yield database


def running(server: Server) -> Iterator[Server]:
    server.make()
    server.start()
    try:
        yield server
    finally:
        server.stop()
