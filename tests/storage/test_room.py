"""While the disk is full nothing that people say is stored, and all can still come and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import trio

from storage.domains import messaging
from storage.domains.identity import (
    Logout,
    Refresh,
    RevokeSession,
    actor_of,
    logout,
    refresh,
    revoke_other_sessions,
    revoke_session,
)
from storage.domains.messaging import ListConversations, SendMessage, Typing
from storage.errors import Unavailable
from storage.gate import Gate
from storage.ids import new_id
from storage.room import Room
from storage.settings import Settings
from storage.words import Nothing
from tests.storage.identity.people import PHONE, sign_in_ana, sign_up_ana
from tests.world import World


@pytest.fixture
def fill(gate: Gate, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def fill() -> None:
        monkeypatch.setattr("storage.room.free_bytes", lambda folder: 0)
        gate.room = Room(settings.data, trio.current_time)

    return fill


async def test_ana_reloads_the_page_signs_in_elsewhere_leaves_and_shuts_out(
    gate: Gate, fill: Callable[[], None]
) -> None:
    tokens = await sign_up_ana(gate)
    fill()
    again = await gate.perform(refresh, PHONE, Refresh(refresh_token=tokens.refresh_token))
    assert again.access_token
    elsewhere = await sign_in_ana(gate)
    await gate.perform(logout, PHONE, Logout(refresh_token=elsewhere.refresh_token))
    ana = await actor_of(gate.database, gate.settings, again.access_token, PHONE.address)
    assert (await gate.perform(revoke_other_sessions, ana, Nothing())).revoked == 0
    await gate.perform(revoke_session, ana, RevokeSession(session_id=ana.session_id))


async def test_if_that_needed_room_she_could_not_come_in(
    gate: Gate, fill: Callable[[], None]
) -> None:
    tokens = await sign_up_ana(gate)
    fill()
    as_others = replace(refresh, needs_room=True)
    with pytest.raises(Unavailable, match="disk"):
        await gate.perform(as_others, PHONE, Refresh(refresh_token=tokens.refresh_token))


async def test_ben_reads_and_types_and_what_he_says_is_refused_through_either_way_in(
    gate: Gate, fill: Callable[[], None], world: World
) -> None:
    said = SendMessage(to=world.ana.user_id, text="hello", client_id=new_id())
    sent = await gate.perform(messaging.send_message, world.ben, said)
    fill()
    page = await gate.perform(messaging.list_conversations, world.ben, ListConversations())
    assert len(page.conversations) == 1
    typed = Typing(conversation_id=sent.conversation_id)
    await gate.perform(messaging.typing, world.ben, typed)
    more = SendMessage(to=world.ana.user_id, text="and more", client_id=new_id())
    with pytest.raises(Unavailable, match="disk"):
        await gate.perform(messaging.send_message, world.ben, more)
    with pytest.raises(Unavailable, match="disk"):
        gate.enqueue(messaging.send_message, world.ben, more, lambda outcome: None)
