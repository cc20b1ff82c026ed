"""Typing over the socket: storage is asked once for each conversation, and then remembered.

Who listens to a conversation is a member of it. Whether typing may be told there changes with
blocks alone, so what is remembered holds until anybody blocks or unblocks anybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import trio

from realtime import wire
from realtime.client import Client
from realtime.hub import Hub
from storage.domains.messaging import TYPING, Typing, find_audience, typing_body
from storage.errors import NotFound
from storage.journal import conversation_topic
from storage.words import Nothing

if TYPE_CHECKING:
    from realtime.core import Core

PAUSE_SECONDS = 1.0  # Between two signals of one connection in one conversation.
REMEMBERED_MAX = 64


def typing(core: Core, client: Client, command: Typing) -> Nothing:
    """Say that one is typing, or has stopped. Repeat it every three seconds.

    Raises NotFound when it is not remembered who listens: then `ask` finds out.
    """
    key = conversation_topic(command.conversation_id)
    remembered = client.audiences.get(key) if client.audiences is not None else None
    if remembered != core.blocks_seen or not any(topic.key == key for topic in client.topics):
        raise NotFound("conversation")
    _tell(core, client, key, command)
    return Nothing()


async def ask(core: Core, client: Client, command: Typing) -> Nothing:
    assert client.actor is not None
    blocks_seen = core.blocks_seen
    audience = await core.gate.perform(find_audience, client.actor, command)
    if audience.listening:
        key = conversation_topic(command.conversation_id)
        if client.audiences is None or len(client.audiences) >= REMEMBERED_MAX:
            client.audiences = {}
        client.audiences[key] = blocks_seen
        _tell(core, client, key, command)
    return Nothing()


def _tell(core: Core, client: Client, key: str, command: Typing) -> None:
    assert client.actor is not None
    if _is_news(client, key, command.active):
        core.gate.bus.whisper(key, TYPING, typing_body(client.actor.user_id, command))


def _is_news(client: Client, key: str, active: bool) -> bool:
    """Whether the others should hear it: the first, one a second, and that it has stopped."""
    now = trio.current_time()
    typed = client.typed = client.typed if client.typed is not None else {}
    since, was_active = typed.get(key, (-PAUSE_SECONDS, False))
    if now - since < PAUSE_SECONDS and (active or not was_active):
        return False
    if len(typed) >= REMEMBERED_MAX:
        typed.clear()
    typed[key] = now, active
    return True


class _Typist(msgspec.Struct, rename="camel"):
    user_id: str


_typist = msgspec.json.Decoder(_Typist)


def deliver(hub: Hub, key: str, body: bytes) -> None:
    """Tell all who listen, but not the typist's own devices."""
    hub.whispered(key, wire.ephemeral(TYPING, body), author=_typist.decode(body).user_id)
