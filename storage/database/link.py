"""One connection to PostgreSQL as the pool and a transaction see it, whichever driver made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

Record: TypeAlias = Mapping[str, Any]

APPLICATION_NAME = "loopync"
STATEMENTS_CACHED_MAX = 200  # prepared statements kept on each connection
STATEMENT_CACHED_BYTES_MAX = 15 * 1024  # longer ones are prepared anew each time


class Link(Protocol):
    """Serves one query at a time. A cancelled query leaves it clean for the next, or closed."""

    idle_since: float  # monotonic seconds since when the pool holds it; 0 = never yet

    @property
    def waiting_since(self) -> float:
        """Monotonic seconds since when an answer is awaited; 0 = none is."""
        ...

    async def fetch(self, sql: str, *values: object) -> list[Record]: ...

    async def fetchrow(self, sql: str, *values: object) -> Record | None: ...

    async def fetchval(self, sql: str, *values: object) -> Any: ...

    async def execute(self, sql: str, *values: object) -> str:
        """The status PostgreSQL ends the command with, e.g. `INSERT 0 3`."""
        ...

    async def listen(self, channel: str) -> None: ...

    async def notified(self) -> list[str]:
        """Wait for the server to say something; the payloads heard, none when it was something
        else or the connection was lost."""
        ...

    def notice(self) -> None:
        """See whether an idle connection was closed by the server."""
        ...

    def is_closed(self) -> bool: ...

    def terminate(self) -> None:
        """Close now, without waiting; whoever awaits an answer hears that it was lost."""
        ...


LOCK_SECONDS_MAX = 5.0  # Rows are locked for milliseconds: whoever waits so long waits for a wreck.
IDLE_IN_TRANSACTION_SECONDS_MAX = 30.0  # A process that stopped must not keep its locks.
KEEPALIVE_SECONDS = 10  # Nor one whose machine or network is gone.


def server_settings(statement_seconds: float, *, lock_seconds: float) -> dict[str, str]:
    """Every connection's settings, on top of the server's and the user's own."""
    return {
        "lock_timeout": str(round(lock_seconds * 1000)),
        "idle_in_transaction_session_timeout": str(round(IDLE_IN_TRANSACTION_SECONDS_MAX * 1000)),
        "tcp_keepalives_idle": str(KEEPALIVE_SECONDS),
        "tcp_keepalives_interval": str(KEEPALIVE_SECONDS),
        "application_name": APPLICATION_NAME,
        "timezone": "UTC",
        "statement_timeout": str(round(statement_seconds * 1000)),
        # Compiling a query costs more than any of our short ones takes.
        "jit": "off",
    }
