"""Access tokens: whom they let in, and for how long after the end of a session."""

import pytest
import trio
import trio.testing

from http_api.exchange import Request, Scope
from http_api.sign_in import LIVE_SECONDS, LIVE_TOKENS_MAX, Sessions
from storage.actor import Actor
from storage.errors import Unauthenticated
from storage.ids import SessionId, UserId, new_id
from storage.journal import Entry, user_topic

ANA = Actor(user_id=UserId(new_id()), session_id=SessionId(new_id()))
BEN = Actor(user_id=UserId(new_id()), session_id=SessionId(new_id()))


class Storage:
    """Sessions by token, and how often it was asked."""

    def __init__(self) -> None:
        self.actors = {"ana": ANA, "ben": BEN}
        self.asked = 0

    async def find(self, token: str, address: str) -> Actor:
        self.asked += 1
        await trio.lowlevel.checkpoint()
        try:
            return self.actors[token]
        except KeyError:
            raise Unauthenticated("session", "has ended") from None


def request(token: str, address: str = "192.0.2.7") -> Request:
    scope: Scope = {
        "method": "GET",
        "path": "/",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
    }

    async def receive() -> Scope:
        raise AssertionError

    return Request(scope, receive, request_id="1", address=address)


async def test_storage_is_asked_once_in_a_while(autojump_clock: trio.testing.MockClock) -> None:
    storage = Storage()
    sessions = Sessions(storage.find)
    for _ in range(3):
        assert await sessions.actor_of(request("ana")) == ANA
    assert storage.asked == 1

    await trio.sleep(LIVE_SECONDS)
    assert await sessions.actor_of(request("ana")) == ANA
    assert storage.asked == 2


async def test_a_session_that_ended_elsewhere_is_out_in_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    storage = Storage()
    sessions = Sessions(storage.find)
    await sessions.actor_of(request("ana"))
    del storage.actors["ana"]
    await trio.sleep(LIVE_SECONDS)

    with pytest.raises(Unauthenticated):
        await sessions.actor_of(request("ana"))


async def test_a_revocation_that_is_heard_counts_at_once_and_for_its_owner_alone() -> None:
    storage = Storage()
    sessions = Sessions(storage.find)
    await sessions.actor_of(request("ana"))
    await sessions.actor_of(request("ben"))
    storage.actors.clear()
    sessions.heard(Entry(user_topic(ANA.user_id), 1, "session_revoked", b"{}"))

    with pytest.raises(Unauthenticated):
        await sessions.actor_of(request("ana"))
    assert await sessions.actor_of(request("ben")) == BEN


async def test_after_a_gap_on_the_bus_nobody_is_believed() -> None:
    storage = Storage()
    sessions = Sessions(storage.find)
    await sessions.actor_of(request("ana"))
    storage.actors.clear()
    sessions.lost()

    with pytest.raises(Unauthenticated):
        await sessions.actor_of(request("ana"))


async def test_no_number_of_tokens_fills_the_memory() -> None:
    async def find(token: str, address: str) -> Actor:
        return ANA

    sessions = Sessions(find)
    for number in range(LIVE_TOKENS_MAX + 10):
        await sessions.actor_of(request("ana", address=str(number)))

    assert len(sessions._live) == LIVE_TOKENS_MAX
