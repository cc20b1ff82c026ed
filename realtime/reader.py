"""What the realtime core reads from the database by itself, each in one short snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from storage import journal
from storage.actor import Actor
from storage.database import Database, DatabaseUnavailable, QueryCanceled
from storage.domains.identity import live_sessions
from storage.domains.messaging import Subscription, subscriptions
from storage.ids import SessionId, UserId
from storage.journal import Entry, Span

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Belongings:
    """Of many people at one moment: who may stay, and what they listen to."""

    live_sessions: set[SessionId]
    subscriptions: dict[UserId, list[Subscription]]


class Reader(Protocol):
    """All raise DatabaseUnavailable."""

    async def tips(self, topics: Iterable[str]) -> dict[str, int]: ...
    async def between(self, spans: Sequence[Span]) -> list[Entry]: ...
    async def belongings(self, actors: Sequence[Actor]) -> Belongings: ...


async def between_apart(reader: Reader, spans: Sequence[Span]) -> list[Entry]:
    """As `between`; but a span that cannot be read does not keep the others from being read.

    It comes back empty, as if it were no longer kept. Raises DatabaseUnavailable, QueryCanceled.
    """
    try:
        return await reader.between(spans)
    except (DatabaseUnavailable, QueryCanceled):
        raise
    except Exception:
        if len(spans) == 1:
            log.exception("span_unreadable", span=spans[0])
            return []
    half = len(spans) // 2
    return [
        *await between_apart(reader, spans[:half]),
        *await between_apart(reader, spans[half:]),
    ]


class DatabaseReader:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def tips(self, topics: Iterable[str]) -> dict[str, int]:
        async with self._database.transaction(read_only=True) as tx:
            return await journal.tips(tx, topics)

    async def between(self, spans: Sequence[Span]) -> list[Entry]:
        async with self._database.transaction(read_only=True) as tx:
            return await journal.between(tx, spans)

    async def belongings(self, actors: Sequence[Actor]) -> Belongings:
        user_ids = list({actor.user_id for actor in actors})
        async with self._database.transaction(read_only=True) as tx:
            return Belongings(
                await live_sessions(tx, [actor.session_id for actor in actors]),
                await subscriptions(tx, user_ids),
            )
