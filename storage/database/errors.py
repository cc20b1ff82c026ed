"""What can go wrong between us and PostgreSQL, in words that the rest of the program may import.

An error of SQL (a constraint, a deadlock, a syntax error) is asyncpg's own exception, with
`sqlstate` and, where PostgreSQL names it, `constraint_name`. Everything that means "there is no
database to ask right now" becomes one exception: `DatabaseUnavailable`.
"""

from typing import Any

import asyncpg

StatementFailed = asyncpg.PostgresError  # whatever it was
UniqueViolation = asyncpg.UniqueViolationError
ForeignKeyViolation = asyncpg.ForeignKeyViolationError
CheckViolation = asyncpg.CheckViolationError
IntegrityError = asyncpg.IntegrityConstraintViolationError
SerializationFailure = asyncpg.SerializationError
Deadlock = asyncpg.DeadlockDetectedError
QueryCanceled = asyncpg.QueryCanceledError
LockTimeout = asyncpg.LockNotAvailableError
TransactionFailed = asyncpg.InFailedSQLTransactionError


class DatabaseUnavailable(Exception):
    """No connection could be had in time, or it was lost; the same may be asked again.

    Lost during a COMMIT, nobody can know whether it happened: ask again with an idempotency key.
    """


class DatabaseFull(DatabaseUnavailable):
    """PostgreSQL found no room on its disk. Nothing was stored."""


# What asyncpg raises when it is the connection, not the statement, that failed. The server speaks
# of itself in classes 08 and 57P (shutdown, crash, starting up) and 53300 (too many connections).
PROBLEMS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,  # the server said what could not be expected, e.g. farewell
    OSError,
)


def translated(problem: Exception, connection: Any) -> Exception:
    """`problem` as the caller should see it: itself, or DatabaseUnavailable."""
    if isinstance(problem, asyncpg.InvalidCachedStatementError):
        # A migration changed a table under a prepared statement. asyncpg has dropped its cache;
        # nothing was done, and asked again it works.
        return DatabaseUnavailable("the schema changed under a prepared statement")
    if isinstance(problem, asyncpg.DiskFullError):
        return DatabaseFull(f"the database's disk is full: {problem}")
    if isinstance(problem, _LOST) or connection.is_closed():
        return DatabaseUnavailable(f"the connection to the database was lost: {problem}")
    return problem
