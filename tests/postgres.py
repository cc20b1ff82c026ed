"""The PostgreSQL of a test run, and databases copied from a template that holds the schema."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import pytest
import trio

from storage.database import open_database
from storage.embedded import EmbeddedPostgres
from storage.migrate import migrate


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    template: str

    def url_of(self, name: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def fresh_database(self) -> AbstractContextManager[str]:
        """With the schema."""
        return self._database(f'TEMPLATE "{self.template}" STRATEGY file_copy')

    def empty_database(self) -> AbstractContextManager[str]:
        """With nothing in it."""
        return self._database("")

    @contextmanager
    def _database(self, options: str) -> Iterator[str]:
        name = f"test_{uuid.uuid4().hex}"
        self.run(f'CREATE DATABASE "{name}" {options}')
        try:
            yield self.url_of(name)
        finally:
            self.run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def run(self, sql: str) -> None:
        trio.run(_script, self.url, sql)


@contextmanager
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """DATABASE_URL's server when that is set, else an embedded one for the run.

    The role of a given one must be allowed to make databases.
    """
    given = os.environ.get("DATABASE_URL")
    if given:
        with _with_template(given) as server:
            yield server
    else:
        # Nothing of it outlives the run, so nothing need be safe on disk.
        options = {"fsync": "off", "full_page_writes": "off"}
        data = tmp_path_factory.mktemp("postgres")
        with (
            EmbeddedPostgres(data, options=options) as embedded,
            _with_template(embedded.url) as server,
        ):
            yield server


@contextmanager
def _with_template(url: str) -> Iterator[Server]:
    server = Server(url, f"template_{uuid.uuid4().hex}")
    server.run(f'CREATE DATABASE "{server.template}"')
    try:
        trio.run(_migrate, server.url_of(server.template))
        yield server
    finally:
        server.run(f'DROP DATABASE "{server.template}" WITH (FORCE)')


async def _migrate(url: str) -> None:
    async with open_database(url, connections_max=2) as database:
        await migrate(database)


async def _script(url: str, sql: str) -> None:
    async with open_database(url, connections_max=1) as database:
        await database.script(sql)
