"""Whose presence is shown on which connection, and telling it when that changes.

A whisper says only that somebody's presence may have changed. Then it is read again for those
who watch, many at a time, with the permission of each: so neither the order of whispers nor a
lost one matters for long, and who may no longer know is told `offline`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import trio

from realtime import wire
from realtime.client import Client
from realtime.outages import survives
from realtime.people import People
from storage.domains.presence import Pair, Presence
from storage.ids import UserId
from storage.words import encode_json

GATHER_SECONDS = 0.1
PAIRS_MAX = 1_000  # In one read, about: the watchers of one person are read together.


class States(Protocol):
    async def presence_of(self, pairs: Sequence[Pair]) -> list[Presence]:
        """What the first of each pair may know of the second. Raises DatabaseUnavailable."""


class Watching:
    def __init__(self, people: People, states: States) -> None:
        self._people = people
        self._states = states
        self._watchers: dict[UserId, tuple[Client, ...]] = {}
        self._stale: set[UserId] = set()
        self._wake = trio.Event()

    def __len__(self) -> int:
        return len(self._watchers)

    def watch(self, client: Client, user_ids: Iterable[UserId]) -> None:
        """From now on these, and no others. What is known of them is told by `told`."""
        before = client.watched or {}
        self.forget(client)
        client.watched = {user_id: before.get(user_id) for user_id in user_ids} or None
        for user_id in client.watched or ():
            self._watchers[user_id] = (*self._watchers.get(user_id, ()), client)

    def told(self, client: Client, presence: Iterable[Presence]) -> None:
        """The reply that is about to be sent says this."""
        for one in presence:
            if client.watched is None or one.user_id not in client.watched:
                continue
            if client.watched[one.user_id] not in (None, one):
                # A push went out while this was read, and may know better: look once more.
                self.changed(one.user_id)
            client.watched[one.user_id] = one

    def forget(self, client: Client) -> None:
        for user_id in client.watched or ():
            others = tuple(one for one in self._watchers[user_id] if one is not client)
            if others:
                self._watchers[user_id] = others
            else:
                del self._watchers[user_id]
                self._stale.discard(user_id)
        client.watched = None

    def changed(self, user_id: UserId) -> None:
        if user_id in self._watchers:
            self._stale.add(user_id)
            self._wake.set()

    def recheck(self, user_id: UserId) -> None:
        """Who may know of them, and of whom they may know, may have changed."""
        self.changed(user_id)
        for client in self._people.of(str(user_id)):
            for watched_id in client.watched or ():
                self.changed(watched_id)

    def lost(self) -> None:
        """Whispers may have been missed: look at everybody."""
        for user_id in self._watchers:
            self.changed(user_id)

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            await trio.sleep(GATHER_SECONDS)
            if await survives("watching", self._tell_all):
                self._wake = trio.Event()

    async def _tell_all(self) -> None:
        while self._stale:
            await self._tell_some()

    async def _tell_some(self) -> None:
        taken: list[UserId] = []
        watchers: list[tuple[Client, UserId]] = []
        while self._stale and len(watchers) < PAIRS_MAX:
            user_id = self._stale.pop()
            taken.append(user_id)
            watchers += [(client, user_id) for client in self._watchers[user_id]]
        pairs = list({_pair(client, user_id): None for client, user_id in watchers})
        try:
            found = dict(zip(pairs, await self._states.presence_of(pairs), strict=True))
        except BaseException:
            self._stale.update(user_id for user_id in taken if user_id in self._watchers)
            raise
        for client, user_id in watchers:
            self._tell(client, found[_pair(client, user_id)])

    def _tell(self, client: Client, presence: Presence) -> None:
        watched = client.watched
        if watched is None or presence.user_id not in watched:
            return
        before, watched[presence.user_id] = watched[presence.user_id], presence
        if before is None or _shown(before) != _shown(presence):
            client.hear(wire.ephemeral("presence", encode_json(presence)))


def _pair(client: Client, user_id: UserId) -> Pair:
    assert client.actor is not None
    return client.actor.user_id, user_id


def _shown(presence: Presence) -> tuple[str, bool]:
    """When somebody was last active is news only while they are not there."""
    return presence.state, presence.last_active_at is None
