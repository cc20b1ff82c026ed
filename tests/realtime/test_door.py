"""Who may stay at the door. Time is the mock clock's; nothing here reaches a database."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
import trio
from trio.testing import MockClock

from realtime.client import Client
from realtime.core import Core
from realtime.dispatch import Instant
from realtime.door import CONNECT_SECONDS, REQUESTS_MAX, Door
from realtime.frames import TEXT
from storage.limits import PERSON_LIMIT, Limits
from storage.words import Nothing
from tests.realtime.fakes import FakeConnection, connected_client

PING = msgspec.json.encode({"id": 1, "event": "ping", "data": {}})
SHOUT = msgspec.json.encode({"id": 2, "event": "shout", "data": {}})
BREAK = msgspec.json.encode({"id": 3, "event": "break", "data": {}})


def break_down(core: Core, client: Client, body: Nothing) -> Nothing:
    raise ZeroDivisionError


def nothing(core: Core, client: Client, body: Nothing) -> Nothing:
    return Nothing()


@pytest.fixture
def door() -> Door:
    commands = [
        Instant("ping", Nothing, nothing, is_counted=False),
        Instant("shout", Nothing, nothing),
        Instant("break", Nothing, break_down),
    ]
    gate = SimpleNamespace(
        settings=SimpleNamespace(limits_scale=1.0), limits=Limits(1.0, trio.current_time)
    )
    core = SimpleNamespace(gate=gate, commands={command.name: command for command in commands})
    return Door(cast("Core", core))


def signed_in() -> FakeConnection:
    return connected_client()[1]


def last_code(connection: FakeConnection) -> str:
    code: str = connection.said[-1]["error"]["code"]
    return code


async def test_who_does_not_sign_in_is_sent_away(
    door: Door, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    nursery.start_soon(door.run)
    silent, quick, arriving = FakeConnection(), FakeConnection(), FakeConnection()
    for connection in (silent, quick, arriving):
        door.opened(connection.as_connection)
    quick.state.actor = object()
    arriving.state.is_arriving = True
    await trio.sleep(CONNECT_SECONDS + 1)
    assert silent.close_code == 4002
    assert quick.open
    assert arriving.open
    arriving.state.is_arriving = False  # The database was out of reach, and it asked no more.
    await trio.sleep(CONNECT_SECONDS)
    assert arriving.close_code == 4002
    nursery.cancel_scope.cancel()


async def test_far_too_fast_is_the_end_and_steady_is_not(
    door: Door, autojump_clock: MockClock
) -> None:
    steady, flood = signed_in(), signed_in()
    for _ in range(60):
        for _ in range(REQUESTS_MAX // 20):
            door.message(steady.as_connection, PING, TEXT)
        await trio.sleep(1)
    for _ in range(REQUESTS_MAX + 1):
        door.message(flood.as_connection, PING, TEXT)
    assert steady.open
    assert flood.close_code == 4003


async def test_what_is_answered_at_once_counts_too_but_not_the_question_of_life(
    door: Door, autojump_clock: MockClock
) -> None:
    connection = signed_in()
    for _ in range(PERSON_LIMIT):
        door.message(connection.as_connection, SHOUT, TEXT)
    assert all(said["success"] for said in connection.said)
    door.message(connection.as_connection, SHOUT, TEXT)
    assert last_code(connection) == "too_many_requests"
    door.message(connection.as_connection, PING, TEXT)
    assert connection.said[-1]["success"] is True


async def test_a_bug_is_one_answer(door: Door, autojump_clock: MockClock) -> None:
    connection = signed_in()
    door.message(connection.as_connection, BREAK, TEXT)
    assert last_code(connection) == "internal_error"
    assert connection.said[-1]["error"]["retry"] is True
    door.message(connection.as_connection, PING, TEXT)
    assert connection.said[-1]["success"] is True


async def test_what_there_is_not_is_not_found(door: Door, autojump_clock: MockClock) -> None:
    connection = signed_in()
    door.message(connection.as_connection, b'{"id":1,"event":"fly"}', TEXT)
    assert last_code(connection) == "not_found"
