"""Rounds of work that must go on: through an outage of the database, and past a bug of ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
import trio

from storage.database import DatabaseUnavailable

PAUSE_SECONDS = 0.5

log = structlog.get_logger()


async def survives(part: str, work: Callable[[], Awaitable[None]]) -> bool:
    """Do one round. If it fails, say so, pause, and answer False: it is to be done again."""
    try:
        await work()
        return True
    except DatabaseUnavailable as error:
        log.warning("database_unavailable", part=part, error=str(error))
    except Exception:
        log.exception("round_failed", part=part)
    await trio.sleep(PAUSE_SECONDS)
    return False
