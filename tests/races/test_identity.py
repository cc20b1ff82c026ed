"""Two sign-ups, sign-ins or refreshes at the same moment; each lock with its control."""

from __future__ import annotations

from functools import partial

import pytest
import trio

from storage.actor import Visitor
from storage.database import Transaction
from storage.domains.identity import (
    Refresh,
    Signup,
    StartedSession,
    Tokens,
    hashing,
    refresh,
    sessions,
    signup,
    start_session,
)
from storage.errors import Conflict
from storage.gate import Gate
from storage.ids import UserId
from tests.world import World

LAPTOP = Visitor(address="192.0.2.1", user_agent="Loopync for laptops")
SIGN_INS = 4


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "cost", hashing.CHEAP)


async def start(user_id: UserId, tx: Transaction) -> StartedSession:
    return await start_session(tx, LAPTOP, user_id)


async def live_after_many_sign_ins(gate: Gate, world: World) -> int:
    async with trio.open_nursery() as nursery:
        for _ in range(SIGN_INS):
            nursery.start_soon(gate.transact, partial(start, world.ana.user_id))
    async with gate.database.transaction() as tx:
        listed = await tx.value(COUNT_LIVE, world.ana.user_id)
    assert isinstance(listed, int)
    return listed


async def test_sign_ins_at_once_keep_to_the_most(
    gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_MAX", 1)
    assert await live_after_many_sign_ins(gate, world) == 1


async def test_without_the_lock_they_do_not_see_each_other(
    gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_MAX", 1)
    monkeypatch.setattr(sessions, "LOCK_USER", "SELECT role FROM users WHERE id = $1")
    assert await live_after_many_sign_ins(gate, world) > 1


async def test_one_handle_is_given_once(gate: Gate) -> None:
    outcomes: list[str] = []

    async def sign_up(number: int) -> None:
        person = Signup(
            name="Somebody",
            handle="wanted",
            email=f"{number}@example.test",
            password="seven quiet otters",
        )
        try:
            await gate.perform(signup, LAPTOP, person)
        except Conflict as refused:
            outcomes.append(refused.subject)
        else:
            outcomes.append("signed up")

    async with trio.open_nursery() as nursery:
        for number in range(SIGN_INS):
            nursery.start_soon(sign_up, number)
    assert sorted(outcomes) == ["handle"] * (SIGN_INS - 1) + ["signed up"]


async def test_tabs_that_refresh_at_once_get_one_successor(gate: Gate) -> None:
    ana = Signup(name="Ana", handle="ana", email="ana@example.test", password="seven quiet otters")
    tokens = await gate.perform(signup, LAPTOP, ana)
    got: list[Tokens] = []

    async def go_on() -> None:
        command = Refresh(refresh_token=tokens.refresh_token)
        got.append(await gate.perform(refresh, LAPTOP, command))

    async with trio.open_nursery() as nursery:
        for _ in range(SIGN_INS):
            nursery.start_soon(go_on)
    assert len({successor.refresh_token for successor in got}) == 1
    async with gate.database.transaction() as tx:
        assert await tx.value("SELECT generation FROM sessions") == 2


COUNT_LIVE = "SELECT count(*) FROM sessions WHERE user_id = $1 AND revoked_at IS NULL"
