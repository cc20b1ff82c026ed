from __future__ import annotations

import msgspec
import pytest

from storage.actor import Actor
from storage.domains.identity import (
    ChangePassword,
    RevokeSession,
    Tokens,
    change_password,
    forget_ended_sessions,
    list_sessions,
    live_sessions,
    nobodys_hash,
    revoke_other_sessions,
    revoke_session,
)
from storage.domains.identity.change_password import NewHash, replace_hash
from storage.domains.identity.devices import device_name
from storage.errors import InvalidInput, NotFound, Unauthenticated
from storage.gate import Gate
from storage.ids import SessionId, new_id
from storage.words import Nothing
from tests.storage.identity.people import PASSWORD, sign_in_ana, sign_up_ana, told
from tests.world import World

NEW_PASSWORD = "eight loud herons"
LONG_RUN_OUT = """
    UPDATE sessions SET expires_at = now() - interval '31 days' WHERE device LIKE 'Chrome%'
"""


def asks(tokens: Tokens) -> Actor:
    return Actor(user_id=tokens.user_id, session_id=tokens.session_id)


async def test_ana_sees_where_she_is_signed_in(gate: Gate) -> None:
    laptop = await sign_up_ana(gate)
    phone = await sign_in_ana(gate)
    listed = await gate.perform(list_sessions, asks(laptop), Nothing())

    assert [(session.id, session.device, session.current) for session in listed.sessions] == [
        (phone.session_id, "Loopync for phones", False),
        (laptop.session_id, "Chrome on Linux", True),
    ]


async def test_ana_ends_a_session_and_may_repeat_it(gate: Gate) -> None:
    laptop, phone = await sign_up_ana(gate), await sign_in_ana(gate)
    for _ in range(2):
        command = RevokeSession(session_id=phone.session_id)
        await gate.perform(revoke_session, asks(laptop), command)

    async with gate.database.transaction() as tx:
        ids = [laptop.session_id, phone.session_id, SessionId(new_id())]
        assert await live_sessions(tx, ids) == {laptop.session_id}
    [revoked] = await told(gate, "session_revoked")
    assert msgspec.json.decode(revoked) == {"sessionId": str(phone.session_id)}


async def test_nobody_ends_the_sessions_of_others(gate: Gate, world: World) -> None:
    for session_id in (world.ana.session_id, SessionId(new_id())):
        with pytest.raises(NotFound, match=r"^session$"):
            await gate.perform(revoke_session, world.eve, RevokeSession(session_id=session_id))
    assert await told(gate, "session_revoked") == []


async def test_all_others_end_at_once(gate: Gate) -> None:
    laptop = await sign_up_ana(gate)
    others = [await sign_in_ana(gate) for _ in range(3)]
    counted = await gate.perform(revoke_other_sessions, asks(others[0]), Nothing())

    assert counted.revoked == 3
    async with gate.database.transaction() as tx:
        ids = [tokens.session_id for tokens in (laptop, *others)]
        assert await live_sessions(tx, ids) == {others[0].session_id}


async def test_another_password_signs_everybody_else_out(gate: Gate) -> None:
    laptop, phone = await sign_up_ana(gate), await sign_in_ana(gate)
    change = ChangePassword(current_password=PASSWORD, new_password=NEW_PASSWORD)
    await gate.perform(change_password, asks(laptop), change)

    [revoked] = await told(gate, "session_revoked")
    assert msgspec.json.decode(revoked) == {"sessionId": str(phone.session_id)}
    with pytest.raises(Unauthenticated, match="login"):
        await sign_in_ana(gate)
    await sign_in_ana(gate, password=NEW_PASSWORD)


@pytest.mark.parametrize(
    ("current", "new", "subject"),
    [
        ("six quiet otters", NEW_PASSWORD, "currentPassword"),
        (PASSWORD, "password123", "newPassword"),
        (PASSWORD, "i am ana, hello", "newPassword"),
    ],
)
async def test_a_change_that_is_refused_changes_nothing(
    gate: Gate, current: str, new: str, subject: str
) -> None:
    tokens = await sign_up_ana(gate)
    change = ChangePassword(current_password=current, new_password=new)
    with pytest.raises(InvalidInput) as refused:
        await gate.perform(change_password, asks(tokens), change)
    assert refused.value.subject == subject
    await sign_in_ana(gate)


async def test_two_changes_at_once_are_one_change(gate: Gate) -> None:
    tokens = await sign_up_ana(gate)
    stale = NewHash(old_hash=nobodys_hash(), new_hash=nobodys_hash())
    with pytest.raises(InvalidInput, match="currentPassword"):
        await gate.step(replace_hash, asks(tokens), stale)
    await sign_in_ana(gate)


async def test_sessions_that_ran_out_long_ago_are_forgotten(gate: Gate) -> None:
    await sign_up_ana(gate)
    await sign_in_ana(gate)
    async with gate.database.transaction() as tx:
        await tx.run(LONG_RUN_OUT)
        assert await forget_ended_sessions(tx) == 1
        assert await forget_ended_sessions(tx) == 0


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/2010 Firefox/132.0",
            "Firefox on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/131.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("evil\r\n\x1b[31m", "evil   [31m"),
        ("x" * 500, "x" * 60),
        ("", "Unknown device"),
    ],
)
def test_a_device_has_a_name_its_owner_knows(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name
