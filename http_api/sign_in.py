"""Who is asking: access tokens on every request, and the refresh cookie of browsers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from http_api.exchange import Request
from storage.actor import Actor
from storage.errors import Unauthenticated
from storage.journal import Entry, user_topic

LIVE_SECONDS = 2.0
"""How long a session that was seen alive is believed to be: the most by which another
process's revocation can come late. A revocation heard on the bus counts at once."""

LIVE_TOKENS_MAX = 5_000
TOKEN_CHARACTERS_MAX = 4_096

FindActor = Callable[[str, str], Awaitable[Actor]]


@dataclass(frozen=True, slots=True)
class _Live:
    actor: Actor
    until_seconds: float


class Sessions:
    """Actors by access token. `find(token, address)` asks storage, and raises Unauthenticated."""

    def __init__(self, find: FindActor) -> None:
        self._find = find
        self._live: dict[tuple[str, str], _Live] = {}

    async def actor_of(self, request: Request) -> Actor:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > TOKEN_CHARACTERS_MAX:
            raise Unauthenticated("accessToken", "send Authorization: Bearer <accessToken>")
        key = (token, request.address)
        live = self._live.get(key)
        if live is not None and live.until_seconds > trio.current_time():
            return live.actor
        self._live.pop(key, None)
        actor = await self._find(token, request.address)
        if len(self._live) >= LIVE_TOKENS_MAX:
            del self._live[next(iter(self._live))]  # The oldest: each is put in once.
        self._live[key] = _Live(actor, trio.current_time() + LIVE_SECONDS)
        return actor

    # ---- the bus

    def heard(self, entry: Entry) -> None:
        if entry.kind == "session_revoked":
            self._live = {
                key: live
                for key, live in self._live.items()
                if user_topic(live.actor.user_id) != entry.topic
            }

    def whispered(self, topic: str, kind: str, body: bytes) -> None:
        """Nothing ephemeral ends a session."""

    def lost(self) -> None:
        self._live.clear()
