"""Who is connected to this process, and on how many devices."""

from __future__ import annotations

from realtime.client import Client
from storage.ids import SessionId

SOCKETS_MAX = 32  # Of one person.


class People:
    def __init__(self) -> None:
        self._clients: dict[str, tuple[Client, ...]] = {}

    def __len__(self) -> int:
        return len(self._clients)

    def of(self, user: str) -> tuple[Client, ...]:
        return self._clients.get(user, ())

    def of_session(self, user: str, session_id: SessionId) -> tuple[Client, ...]:
        return tuple(
            client
            for client in self.of(user)
            if client.actor is not None and client.actor.session_id == session_id
        )

    def add(self, client: Client) -> bool:
        """False, and nothing is added, when this person has as many sockets as one may have."""
        others = self.of(client.user)
        if len(others) >= SOCKETS_MAX:
            return False
        self._clients[client.user] = (*others, client)
        return True

    def remove(self, client: Client) -> None:
        others = tuple(other for other in self.of(client.user) if other is not client)
        if others:
            self._clients[client.user] = others
        else:
            self._clients.pop(client.user, None)
