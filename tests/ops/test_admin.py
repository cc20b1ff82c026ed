"""What is done from the machine itself: administrators, accounts for load, and the demo."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ops import demo
from ops.admin import MadeAccount, create_admin, make_accounts, parser
from ops.instance import opened
from ops.say import Stop
from storage.actor import Actor, Visitor
from storage.domains.identity import Login, actor_of, login
from storage.domains.messaging import ListConversations, list_conversations
from storage.errors import Conflict
from storage.gate import Gate
from storage.ids import new_id
from storage.settings import Settings

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPYNC_ADMIN_PASSWORD", PASSWORD)


async def test_an_administrator_can_sign_in_and_is_one(gate: Gate) -> None:
    await create_admin(gate, parser().parse_args(["create-admin", "ruth", "ruth@example.test"]))
    tokens = await gate.perform(login, Visitor(address="x"), Login(login="ruth", password=PASSWORD))
    actor = await actor_of(gate.database, gate.settings, tokens.access_token, "x")
    assert actor.role == "admin"


async def test_the_command_leaves_no_session_behind(gate: Gate) -> None:
    await create_admin(gate, parser().parse_args(["create-admin", "ruth", "ruth@example.test"]))
    async with gate.database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM sessions WHERE revoked_at IS NULL") == 0


async def test_a_taken_name_is_not_taken_over(gate: Gate) -> None:
    await create_admin(gate, parser().parse_args(["create-admin", "ruth", "ruth@example.test"]))
    with pytest.raises(Conflict):
        await create_admin(gate, parser().parse_args(["create-admin", "ruth", "x@example.test"]))


async def test_a_weak_password_is_refused(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPYNC_ADMIN_PASSWORD", "short")
    with pytest.raises(Stop, match="password"):
        await create_admin(gate, parser().parse_args(["create-admin", "ruth", "r@example.test"]))


async def test_accounts_for_load_have_tokens_that_work(
    gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    await make_accounts(gate, parser().parse_args(["make-accounts", "3"]))
    await make_accounts(gate, parser().parse_args(["make-accounts", "2"]))
    lines = capsys.readouterr().out.splitlines()
    accounts = [msgspec.json.decode(line, type=MadeAccount) for line in lines]
    assert [account.handle for account in accounts] == [f"load{n}" for n in range(1, 6)]
    for account in accounts:
        actor = await actor_of(gate.database, gate.settings, account.access_token, "x")
        assert str(actor.user_id) == account.user_id


async def test_the_demo_is_friends_who_talk(gate: Gate) -> None:
    assert await demo.make_demo(gate)
    visitor = Visitor(address="127.0.0.1")
    tokens = await gate.perform(login, visitor, Login(login="ana", password=demo.PASSWORD))
    ana = Actor(user_id=tokens.user_id, session_id=tokens.session_id)
    page = await gate.perform(list_conversations, ana, ListConversations())
    assert len(page.conversations) == 5
    assert any(conversation.unread_count for conversation in page.conversations)


async def test_the_demo_is_made_once(gate: Gate) -> None:
    assert await demo.make_demo(gate)
    async with gate.database.transaction() as tx:
        messages = await tx.value("SELECT count(*) FROM messages")
    assert not await demo.make_demo(gate)
    async with gate.database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM messages") == messages


async def test_a_demo_cut_off_halfway_is_completed(gate: Gate) -> None:
    whole = demo.MESSAGES[:]
    try:
        demo.MESSAGES[:] = whole[:5]
        await demo.make_demo(gate)
    finally:
        demo.MESSAGES[:] = whole
    assert await demo.make_demo(gate)
    async with gate.database.transaction() as tx:
        said = await tx.value("SELECT count(*) FROM messages WHERE text = ANY ($1)", texts())
    assert said == len(demo.MESSAGES)


def texts() -> list[str]:
    return [text for _, _, text in demo.MESSAGES]


async def test_the_demo_never_speaks_for_somebody_who_signed_up(gate: Gate) -> None:
    async with gate.database.transaction() as tx:
        await tx.run(ADD_STRANGER, new_id())
    with pytest.raises(Stop, match="somebody has signed up as ana"):
        await demo.make_demo(gate)


async def test_a_command_starts_the_server_that_it_needs(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, secret=b"s" * 32)
    async with opened(settings) as gate:
        await create_admin(gate, parser().parse_args(["create-admin", "ruth", "r@example.test"]))
    async with opened(dataclasses.replace(settings)) as gate, gate.database.transaction() as tx:
        assert await tx.value("SELECT handle FROM users") == "ruth"


def test_what_is_refused_is_said_in_a_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "ops.admin", "make-accounts", "0"],
        env=os.environ | {"LOOPYNC_DATA": str(tmp_path), "DATABASE_URL": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr == "loopync: make-accounts makes 1 to 1000000 accounts, not 0.\n"


ADD_STRANGER = """
    INSERT INTO users (id, handle, email, name, password_hash)
    VALUES ($1, 'ana', 'ana@example.test', 'Another Ana', 'none')
"""
