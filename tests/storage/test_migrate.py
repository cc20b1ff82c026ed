"""Migrations: each once, whole, in order, on every version, whoever else is at it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from storage.database import Database, open_database
from storage.migrate import MIGRATIONS, MigrationError, migrate, read
from tests.needs import needs_package
from tests.postgres import Server
from tests.storage.database import servers

PROCESSES = 5


@pytest.fixture
def empty_url(server: Server) -> Iterator[str]:
    """A database without the schema."""
    server.run("CREATE DATABASE empty TEMPLATE template0")
    yield server.url_of("empty")
    server.run("DROP DATABASE empty WITH (FORCE)")


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[Database]:
    async with open_database(empty_url) as database:
        yield database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations of the tests' own."""
    (tmp_path / "202601010000_letters_table.sql").write_text(
        "CREATE TABLE letters (text text); INSERT INTO letters VALUES ('Dear Ben')"
    )
    (tmp_path / "202601020000_letters_more.sql").write_text(
        "INSERT INTO letters SELECT text || ', love' FROM letters; -- the end is a comment"
    )
    return tmp_path


async def letters(database: Database) -> list[str]:
    async with database.transaction() as tx:
        return [row["text"] for row in await tx.rows("SELECT text FROM letters ORDER BY text")]


async def test_each_is_applied_once_and_in_order(empty: Database, folder: Path) -> None:
    first = await migrate(empty, folder)
    assert first == ["202601010000_letters_table", "202601020000_letters_more"]
    assert await migrate(empty, folder) == []
    assert await letters(empty) == ["Dear Ben", "Dear Ben, love"]


async def test_a_new_one_is_applied_alone(empty: Database, folder: Path) -> None:
    await migrate(empty, folder)
    (folder / "202601030000_letters_none.sql").write_text("DELETE FROM letters")
    assert await migrate(empty, folder) == ["202601030000_letters_none"]


async def test_one_that_fails_leaves_nothing_of_itself(empty: Database, folder: Path) -> None:
    bad = folder / "202601030000_letters_bad.sql"
    bad.write_text("DELETE FROM letters; SELECT 1 / 0")
    with pytest.raises(MigrationError, match=r"202601030000_letters_bad.sql failed: division by"):
        await migrate(empty, folder)
    assert len(await letters(empty)) == 2, "and those before it stay"
    bad.write_text("DELETE FROM letters")
    assert await migrate(empty, folder) == [bad.stem]


async def test_one_that_was_edited_afterwards_is_refused(empty: Database, folder: Path) -> None:
    await migrate(empty, folder)
    edited = folder / "202601020000_letters_more.sql"
    edited.write_text(edited.read_text() + " ")
    (folder / "202601030000_letters_none.sql").write_text("DELETE FROM letters")
    with pytest.raises(MigrationError, match=r"letters_more.sql was edited after"):
        await migrate(empty, folder)
    assert len(await letters(empty)) == 2, "nothing else is done either"


async def test_a_name_out_of_order_is_refused(empty: Database, folder: Path) -> None:
    (folder / "letters.sql").write_text("DELETE FROM letters")
    with pytest.raises(MigrationError, match=r"letters.sql is not named YYYYMMDDhhmm_domain_what"):
        await migrate(empty, folder)


@pytest.mark.race
def test_processes_that_start_at_once_migrate_once(empty_url: str) -> None:
    command = [sys.executable, "-m", "storage.migrate"]
    environment = os.environ | {"DATABASE_URL": empty_url}
    running = [
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(PROCESSES)
    ]
    said = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0] * PROCESSES, said
    applied = [name for out, _ in said for name in out.split()]
    assert applied == [migration.name for migration in read(MIGRATIONS)]


def test_a_database_that_is_not_there_is_said_in_a_line(tmp_path: Path) -> None:
    environment = os.environ | {"DATABASE_URL": f"postgresql://postgres@/x?host={tmp_path}"}
    ended = subprocess.run(
        [sys.executable, "-m", "storage.migrate"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("cannot connect to the database")
    assert ended.stderr.count("\n") == 1


async def test_the_schema_runs_on_the_embedded_version(empty: Database) -> None:
    assert await migrate(empty)
    async with empty.transaction() as tx:
        assert (await tx.value("SHOW server_version")).startswith("18")


@pytest.fixture
def oldest() -> Iterator[servers.Server]:
    with TemporaryDirectory(prefix="loopync-test-") as folder:
        # As `nobody`, this version walks down to its folder by name.
        Path(folder).chmod(0o711)
        server = servers.Server(Path(folder), Path("/usr/lib/postgresql/15/bin"))
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@needs_package("postgresql-15")
async def test_the_schema_runs_on_the_oldest_version(oldest: servers.Server) -> None:
    async with open_database(oldest.url) as database:
        assert await migrate(database)
        assert await migrate(database) == []
        async with database.transaction() as tx:
            assert (await tx.value("SHOW server_version")).startswith("15")
