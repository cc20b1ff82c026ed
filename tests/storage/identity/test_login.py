from __future__ import annotations

import dataclasses

import msgspec
import pytest
import trio

from storage.actor import Actor
from storage.domains.identity import (
    ChangePassword,
    Login,
    change_password,
    create_user,
    hashing,
    login,
    nobodys_hash,
)
from storage.domains.identity.login import Account, Verified, find_account, start_verified
from storage.errors import TooManyRequests, Unauthenticated, Unavailable
from storage.gate import Gate, open_gate
from storage.settings import Settings
from tests.storage.identity.people import PASSWORD, PHONE, sign_in_ana, sign_up_ana, told


@pytest.mark.parametrize("name", ["ana", "@ana", " ANA ", "ana@example.test", "Ana@Example.test"])
async def test_ana_signs_in_by_handle_and_by_email(gate: Gate, name: str) -> None:
    signed_up = await sign_up_ana(gate)
    tokens = await gate.perform(login, PHONE, Login(login=name, password=PASSWORD))

    assert tokens.user_id == signed_up.user_id
    assert tokens.session_id != signed_up.session_id


@pytest.mark.parametrize(
    ("name", "password"),
    [("ana", "six quiet otters"), ("nobody", PASSWORD), ("an\x00a", PASSWORD), ("", PASSWORD)],
)
async def test_a_wrong_password_and_an_unknown_account_get_one_answer(
    gate: Gate, name: str, password: str
) -> None:
    await sign_up_ana(gate)
    with pytest.raises(Unauthenticated) as refused:
        await gate.perform(login, PHONE, Login(login=name, password=password))
    assert refused.value.body() == {
        "code": "unauthenticated",
        "subject": "login",
        "hint": "wrong e-mail, handle or password",
        "retry": False,
    }


async def test_an_unknown_account_costs_a_hash_like_a_known_one(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_up_ana(gate)
    costs: list[str] = []
    verify = hashing._verify

    def counted(password_hash: str, password: str) -> bool:
        costs.append(password_hash.rpartition("$")[0].rpartition("$")[0])
        return verify(password_hash, password)

    monkeypatch.setattr(hashing, "_verify", counted)
    for name in ("ana", "nobody"):
        with pytest.raises(Unauthenticated):
            await gate.perform(login, PHONE, Login(login=name, password="six quiet otters"))
    assert costs == ["$argon2id$v=19$m=8,t=1,p=1"] * 2


async def test_a_password_is_hashed_anew_when_hashes_become_dearer(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_up_ana(gate)
    monkeypatch.setattr(hashing, "cost", hashing.Cost(passes=2, memory_kib=16))
    await sign_in_ana(gate)

    async with gate.database.transaction(read_only=True) as tx:
        password_hash = await tx.value("SELECT password_hash FROM users")
    assert password_hash.startswith("$argon2id$v=19$m=16,t=2,p=1$")
    await sign_in_ana(gate)


async def test_no_session_starts_on_a_password_that_was_just_changed(gate: Gate) -> None:
    tokens = await sign_up_ana(gate)
    account = await gate.step(find_account, PHONE, Login(login="ana", password=PASSWORD))
    assert account is not None
    async with gate.database.transaction() as tx:
        await tx.run("UPDATE users SET password_hash = $1", nobodys_hash())

    with pytest.raises(Unauthenticated, match="login"):
        await gate.step(start_verified, PHONE, Verified(account, new_hash=None))
    assert account == Account(tokens.user_id, account.password_hash)


async def test_the_session_used_longest_ago_ends_above_fifty(gate: Gate) -> None:
    first = await sign_up_ana(gate)
    for _ in range(50):
        await sign_in_ana(gate)

    [revoked] = await told(gate, "session_revoked")
    assert msgspec.json.decode(revoked) == {"sessionId": str(first.session_id)}


async def test_an_account_without_a_password_lets_nobody_in(gate: Gate) -> None:
    async with gate.database.transaction() as tx:
        hashed = nobodys_hash()
        await create_user(
            tx, handle="ana", name="Ana", email="ana@example.test", password_hash=hashed
        )
    with pytest.raises(Unauthenticated):
        await sign_in_ana(gate)


async def test_the_event_loop_goes_on_while_a_password_is_hashed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hashing, "cost", hashing.Cost(passes=2, memory_kib=32 * 1024))
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(turn)
        turns_before = turns
        await hashing.hash_password(PASSWORD)
        assert turns > turns_before + 10
        nursery.cancel_scope.cancel()


async def test_only_a_few_hash_at_once_and_the_queue_has_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate_open = trio.Event()
    token = trio.lowlevel.current_trio_token()
    running = 0
    running_most = 0

    def slow(password_hash: str, password: str) -> bool:
        nonlocal running, running_most
        running += 1
        running_most = max(running_most, running)
        trio.from_thread.run(gate_open.wait, trio_token=token)
        running -= 1
        return True

    monkeypatch.setattr(hashing, "_verify", slow)
    async with trio.open_nursery() as nursery:
        for _ in range(hashing.HASHES_RUNNING_MAX + hashing.HASHES_WAITING_MAX):
            nursery.start_soon(hashing.verify_password, PASSWORD, None)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Unavailable) as refused:
            await hashing.verify_password(PASSWORD, None)
        gate_open.set()

    assert refused.value.retry_after_seconds == hashing.COME_BACK_SECONDS
    assert running_most == hashing.HASHES_RUNNING_MAX


async def test_guesses_at_an_account_are_counted_together_however_it_is_named(
    gate: Gate, settings: Settings
) -> None:
    signed_up = await sign_up_ana(gate)
    async with open_gate(dataclasses.replace(settings, limits_scale=1.0)) as strict:
        names = ["ana", "@ana", "ANA", "ana@example.test", "Ana@Example.test"]
        for name in names:
            with pytest.raises(Unauthenticated):
                await strict.perform(login, PHONE, Login(login=name, password="six quiet otters"))
        with pytest.raises(TooManyRequests):
            await strict.perform(login, PHONE, Login(login="ana", password=PASSWORD))
        actor = Actor(user_id=signed_up.user_id, session_id=signed_up.session_id)
        command = ChangePassword(current_password="six quiet otters", new_password=PASSWORD)
        with pytest.raises(TooManyRequests):
            await strict.perform(change_password, actor, command)
