"""An instance's storage for a command of ours, whether the instance runs or not."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from storage.database import open_database
from storage.embedded import started_or_found
from storage.gate import Gate, open_gate
from storage.migrate import migrate
from storage.settings import Settings


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Gate]:
    """The gate of the database that `settings` mean; the embedded one is started if need be."""
    url = settings.database_url
    with started_or_found(settings.data) if url is None else nullcontext(url) as found:
        async with open_database(
            found, driver=settings.database_driver, connections_max=2
        ) as database:
            await migrate(database)
        async with open_gate(dataclasses.replace(settings, database_url=found)) as gate:
            yield gate
