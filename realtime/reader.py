"""What the realtime core reads from the database by itself, each in one short snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from storage import journal
from storage.actor import Actor
from storage.database import Database
from storage.domains.identity import live_sessions
from storage.domains.messaging import Subscription, subscriptions
from storage.ids import SessionId, UserId
from storage.journal import Entry, Span


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
