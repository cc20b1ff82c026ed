"""Presence over the socket: whom this connection watches, and whether it is away itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime.client import Client
from realtime.dispatch import Command, Instant, Stored
from storage.domains import presence
from storage.domains.presence import SetPresence, WatchedPresence, WatchPresence
from storage.errors import Refusal
from storage.words import Nothing

if TYPE_CHECKING:
    from realtime.core import Core


async def watch(core: Core, client: Client, command: WatchPresence) -> WatchedPresence:
    """Watch first, then look, so that no change falls between."""
    assert client.actor is not None
    before = tuple(client.watched or ())
    core.watching.watch(client, command.user_ids)
    try:
        answer = await core.gate.perform(presence.watch_presence, client.actor, command)
    except Refusal:
        core.watching.watch(client, before)
        raise
    core.watching.told(client, answer.presence)
    return answer


def set_presence(core: Core, client: Client, command: SetPresence) -> Nothing:
    """Say whether one is there or away, at this connection."""
    core.presence.set_away(client, away=command.state == "away")
    return Nothing()


def ping(core: Core, client: Client, command: Nothing) -> Nothing:
    """Ask whether the link is alive."""
    return Nothing()


COMMANDS: list[Command] = [
    Stored(presence.watch_presence, perform=watch),
    Instant("set_presence", SetPresence, set_presence),
    Instant("ping", Nothing, ping, is_counted=False),
]
