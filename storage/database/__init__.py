"""PostgreSQL for everybody else: transactions that speak Trio. Nobody else imports asyncpg."""

from storage.database.database import Database, open_database
from storage.database.deadlines import Limits
from storage.database.errors import (
    CheckViolation,
    DatabaseFull,
    DatabaseUnavailable,
    Deadlock,
    ForeignKeyViolation,
    IntegrityError,
    LockTimeout,
    QueryCanceled,
    SerializationFailure,
    StatementFailed,
    TransactionFailed,
    UniqueViolation,
)
from storage.database.link import Record
from storage.database.listening import Listening
from storage.database.transaction import Transaction

__all__ = [
    "CheckViolation",
    "Database",
    "DatabaseFull",
    "DatabaseUnavailable",
    "Deadlock",
    "ForeignKeyViolation",
    "IntegrityError",
    "Limits",
    "Listening",
    "LockTimeout",
    "QueryCanceled",
    "Record",
    "SerializationFailure",
    "StatementFailed",
    "Transaction",
    "TransactionFailed",
    "UniqueViolation",
    "open_database",
]
