"""Brings the schema up to date: each file of storage/migrations once, by name, in order.

Several processes may start at once: one migrates, the others wait and find nothing to do. Each
file is one transaction with its own record, so a file is applied whole or not at all.

`python -m storage.migrate` does it for DATABASE_URL.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import trio

from storage.database import Database, DatabaseUnavailable, open_database

MIGRATIONS = Path(__file__).parent / "migrations"
NAME = re.compile(r"[0-9]{12}_[a-z0-9_]+")
LOCK = 7_305_804_402_566_127_987  # any number that nobody else of ours takes
LOCK_PAUSE_SECONDS = 0.1
LOCK_SECONDS_MAX = 3600.0


class MigrationError(Exception):
    """The schema cannot be brought up to date; the message says why and names the file."""


@dataclass(frozen=True, slots=True)
class Migration:
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


async def migrate(database: Database, folder: Path = MIGRATIONS) -> list[str]:
    """Apply what is missing; the names applied, in order. Raises MigrationError."""
    migrations = read(folder)
    with trio.move_on_after(LOCK_SECONDS_MAX):
        while True:
            # The lock lives in a transaction of its own, and ends with it whatever happens.
            async with database.transaction() as tx:
                if await tx.value("SELECT pg_try_advisory_xact_lock($1)", LOCK):
                    # It says nothing while the others work, however long they take.
                    await tx.run("SET LOCAL idle_in_transaction_session_timeout = 0")
                    return await _apply_missing(database, migrations)
            await trio.sleep(LOCK_PAUSE_SECONDS)
    raise MigrationError(f"Another process has been migrating for {LOCK_SECONDS_MAX:.0f} s.")


def read(folder: Path) -> list[Migration]:
    migrations = []
    for file in sorted(folder.glob("*.sql")):
        if not NAME.fullmatch(file.stem):
            raise MigrationError(f"{file.name} is not named YYYYMMDDhhmm_domain_what.sql.")
        migrations.append(Migration(file.stem, file.read_text()))
    return migrations


async def _apply_missing(database: Database, migrations: list[Migration]) -> list[str]:
    await database.script(RECORDS)
    async with database.transaction(read_only=True) as tx:
        rows = await tx.rows("SELECT name, checksum FROM migrations")
    applied: dict[str, str] = {row["name"]: row["checksum"] for row in rows}
    for migration in migrations:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"{migration.name}.sql was edited after it had been applied to this database. "
                "Restore it, and put the change into a new file."
            )
    missing = [migration for migration in migrations if migration.name not in applied]
    for migration in missing:
        try:
            await database.script(_in_one_transaction(migration))
        except DatabaseUnavailable:
            raise
        except Exception as error:
            raise MigrationError(f"{migration.name}.sql failed: {error}") from error
    return [migration.name for migration in missing]


def _in_one_transaction(migration: Migration) -> str:
    # Neither the name nor the checksum can hold a quote.
    record = f"INSERT INTO migrations VALUES ('{migration.name}', '{migration.checksum}')"  # noqa: S608
    return f"BEGIN;\n{migration.sql}\n;{record};\nCOMMIT;"


RECORDS = """
CREATE TABLE IF NOT EXISTS migrations (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


async def main() -> None:
    url = os.environ["DATABASE_URL"]
    async with open_database(url, connections_max=2) as database:
        for name in await migrate(database):
            print(name)  # noqa: T201  # the answer of a command


if __name__ == "__main__":
    try:
        trio.run(main)
    except* (MigrationError, DatabaseUnavailable) as errors:
        sys.exit("\n".join(str(error) for error in errors.exceptions))
