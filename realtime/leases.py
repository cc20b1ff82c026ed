"""Presence in the database, as this process writes and reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from storage.domains import presence
from storage.domains.presence import Pair, Presence, PresentState
from storage.gate import Gate
from storage.ids import UserId, new_id


class DatabasePresence:
    """The lease is this object's: one for each life of a process."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._process_id = new_id()

    async def beat(self) -> bool:
        return await self._gate.transact(partial(presence.beat, process_id=self._process_id))

    async def save(self, states: Mapping[UserId, PresentState | None]) -> bool:
        return await self._gate.transact(
            partial(presence.save, process_id=self._process_id, states=states)
        )

    async def reap(self) -> list[UserId]:
        return await self._gate.transact(presence.reap)

    async def presence_of(self, pairs: Sequence[Pair]) -> list[Presence]:
        async with self._gate.database.transaction(read_only=True) as tx:
            return await presence.presence_of(tx, pairs)
