"""The people of this process: there, away or gone, and a lease in the database that says so.

Changes are gathered and written in batches, off the path of messages. Whoever leaves is gone
only after a moment, so that a reloaded page is not an absence. Every process also ends the
leases of those that died, and says whose presence may have changed by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol
from uuid import UUID

import trio

from realtime.client import Client
from realtime.later import Later
from realtime.outages import survives
from realtime.people import People
from storage.bus import Bus
from storage.domains.presence import PresentState
from storage.ids import UserId

BEAT_SECONDS = 2.0
GRACE_SECONDS = 2.0
GATHER_SECONDS = 0.2
SAVED_MAX = 500  # In one transaction.
KIND = "presence"


class Leases(Protocol):
    """This process's lease. All raise DatabaseUnavailable; the first two are False without one."""

    async def beat(self) -> bool: ...
    async def save(self, states: Mapping[UserId, PresentState | None]) -> bool: ...
    async def reap(self) -> list[UserId]: ...


def presence_topic(user_id: UserId) -> str:
    return f"presence:{user_id}"


def uuid_of(topic: str) -> UUID:
    """The id in the name of a topic."""
    return UUID(topic.partition(":")[2])


class Presence:
    def __init__(self, people: People, leases: Leases, bus: Bus) -> None:
        self._people = people
        self._leases = leases
        self._bus = bus
        self._written: dict[UserId, PresentState] = {}
        self._changed: set[UserId] = set()
        self._wake = trio.Event()
        self._leaving: Later[UserId] = Later(GRACE_SECONDS, self._look_again)

    def arrived(self, client: Client) -> None:
        self._look_at(client)

    def set_away(self, client: Client, *, away: bool) -> None:
        client.away = away
        self._look_at(client)

    def left(self, client: Client) -> None:
        if client.actor is not None:
            self._leaving.add(client.actor.user_id)

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._leaving.run)
            nursery.start_soon(self._write_for_ever)
            nursery.start_soon(self._beat_for_ever)

    def _look_at(self, client: Client) -> None:
        assert client.actor is not None
        self._look_again(client.actor.user_id)

    def _look_again(self, user_id: UserId) -> None:
        if self._state_of(user_id) != self._written.get(user_id):
            self._changed.add(user_id)
            self._wake.set()

    def _state_of(self, user_id: UserId) -> PresentState | None:
        """Present on one device is present; None when on none."""
        arrived = [one for one in self._people.of(str(user_id)) if one.actor is not None]
        if not arrived:
            return None
        return "away" if all(one.away for one in arrived) else "online"

    async def _write_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            await trio.sleep(GATHER_SECONDS)
            if await survives("presence", self._write_all):
                self._wake = trio.Event()

    async def _write_all(self) -> None:
        while self._changed:
            await self._write_some()

    async def _write_some(self) -> None:
        taken = [self._changed.pop() for _ in range(min(len(self._changed), SAVED_MAX))]
        states = {user_id: self._state_of(user_id) for user_id in taken}
        try:
            had_lease = await self._leases.save(states)
        except BaseException:
            self._changed.update(taken)
            raise
        for user_id, state in states.items():
            if state is None:
                self._written.pop(user_id, None)
            else:
                self._written[user_id] = state
        if not had_lease:
            self._write_all_again(except_for=states)
        for user_id in taken:
            self._look_again(user_id)
        self._tell(taken)

    async def _beat_for_ever(self) -> None:
        while True:
            if await survives("presence_beat", self._beat):
                await trio.sleep(BEAT_SECONDS)

    async def _beat(self) -> None:
        if not await self._leases.beat():
            self._write_all_again()
        self._tell(await self._leases.reap())

    def _write_all_again(self, except_for: Mapping[UserId, object] | None = None) -> None:
        """We were taken for dead: nobody of ours stands in the database any more."""
        lost = [user_id for user_id in self._written if user_id not in (except_for or ())]
        for user_id in lost:
            del self._written[user_id]
            self._look_again(user_id)

    def _tell(self, user_ids: Iterable[UserId]) -> None:
        """Whoever watches them looks for themselves: order and permission are the database's."""
        for user_id in user_ids:
            self._bus.whisper(presence_topic(user_id), KIND, b"{}")
