"""Who may ask what: every action x every role x both doors.

For each: the answer is the expected one, nothing secret stands in it, and where it is "not
found" it is, letter for letter, the answer for what does not exist.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from http_api.routes import ROUTES
from realtime.commands.surface import COMMANDS
from storage.database import Transaction
from storage.domains.messaging import history, lists
from storage.errors import NotFound
from storage.gate import Gate
from storage.ids import ConversationId, UserId, new_id
from tests.access.cases import CASES, SIGNED_OUT, Body
from tests.access.doors import Door, open_http, open_socket
from tests.access.scene import ROLES, Role, Scene, set_up


@pytest.fixture(params=["http", "socket"])
async def door(request: pytest.FixtureRequest, gate: Gate, tmp_path: Path) -> AsyncIterator[Door]:
    if request.param == "http":
        async with open_http(gate, tmp_path) as http:
            yield http
    else:
        async with open_socket(gate) as socket:
            yield socket


def test_every_action_of_both_doors_has_its_row() -> None:
    offered = {route.action.name for route in ROUTES} | set(COMMANDS)
    assert offered - SIGNED_OUT == set(CASES)


def test_everything_on_the_socket_has_its_route() -> None:
    assert set(COMMANDS) - {route.action.name for route in ROUTES} == {"ping"}


async def wrong_answers(gate: Gate, door: Door, name: str, role: Role) -> list[str]:
    """What is wrong with the answer that this role gets at this door; empty when nothing is."""
    scene = await set_up(gate)
    case = CASES[name]
    actor = scene.actor(role)
    answer = await door.ask(actor, name, case.body(scene))
    wrong = []
    if answer.code != case.expected[role]:
        wrong.append(f"{role} got {answer.code}, not {case.expected[role]}: {answer.text}")
    asked = str(case.body(scene))
    wrong += [
        f"{role} read the secret {secret!r}"
        for secret in scene.secrets_from(role)
        if secret in answer.text and secret not in asked
    ]
    if answer.code == "not_found":
        missing = await door.ask(actor, name, _about_nothing(case.body(scene), scene))
        if (missing.code, missing.text) != (answer.code, answer.text):
            wrong.append(f"{role} can tell: {answer.text} or {missing.text}")
    return wrong


def _about_nothing(body: Body, scene: Scene) -> Body:
    """The same question about a thing that does not exist."""
    hidden = {str(scene.group_id), str(scene.ana.user_id), str(scene.anas_phone)}
    return {
        name: str(new_id()) if isinstance(value, str) and value in hidden else value
        for name, value in body.items()
    }


@pytest.mark.parametrize("name", CASES)
async def test_each_role_gets_what_it_may_and_nothing_else(
    gate: Gate, door: Door, name: str
) -> None:
    if name not in door.names:
        assert name == "ping", "only the socket has what HTTP has not"
        return
    wrong = [line for role in ROLES for line in await wrong_answers(gate, door, name, role)]
    assert wrong == []


async def test_a_leak_would_be_seen(
    gate: Gate, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: history that forgets to ask whose it is."""
    leaky = history.FIND_MEMBER.replace("AND member.user_id = $2", "AND $2::uuid IS NOT NULL")
    monkeypatch.setattr(history, "FIND_MEMBER", leaky)
    wrong = await wrong_answers(gate, door, "list_messages", "stranger")
    assert any("got ok, not not_found" in line for line in wrong)
    assert any("read the secret" in line for line in wrong)


async def test_an_answer_by_which_one_can_tell_would_be_seen(
    gate: Gate, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control for probing: a refusal that names what it hides."""

    async def telling(tx: Transaction, viewer_id: UserId, conversation_id: ConversationId) -> None:
        kind = await tx.value("SELECT kind FROM conversations WHERE id = $1", conversation_id)
        raise NotFound(f"conversation {kind}")

    monkeypatch.setattr(lists, "load_one", telling)
    wrong = await wrong_answers(gate, door, "get_conversation", "stranger")
    assert any("can tell" in line for line in wrong)
