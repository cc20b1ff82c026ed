"""The Trio driver stands on asyncpg's private names, which belong to one version."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg

from storage.database import database, trio_protocol

PACKAGE = Path(database.__file__).parent
PRIVATE_NAME = re.compile(r"connect_utils|asyncpg\._|connection\._|\bprotocol\._(?!connect)")


def test_the_installed_asyncpg_is_the_one_the_driver_was_written_for() -> None:
    assert asyncpg.__version__ == trio_protocol.ASYNCPG_VERSION


def test_one_module_alone_touches_private_names_of_asyncpg() -> None:
    users = {path.name for path in PACKAGE.glob("*.py") if PRIVATE_NAME.search(path.read_text())}
    assert users == {"trio_protocol.py"}


def test_the_check_for_private_names_finds_one() -> None:
    assert PRIVATE_NAME.search("pid = self.connection._protocol.backend_pid")
