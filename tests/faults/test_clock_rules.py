"""What is decided by the clock, after it was set back: right within seconds, and never for ever."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from storage.actor import Actor, Visitor
from storage.database import Transaction
from storage.domains import presence
from storage.domains.identity.access_tokens import issue_access_token, read_access_token
from storage.domains.identity.refresh import rotate_or_revoke
from storage.domains.identity.refresh_tokens import RefreshToken
from storage.domains.presence import Presence, leases
from storage.errors import Unauthenticated
from storage.ids import SessionId, UserId, new_id
from tests.conftest import TEST_SECRET
from tests.world import person

HOUR = timedelta(hours=1)
SET_BACK = """
    UPDATE presence_processes SET beat_at = beat_at + interval '1 hour' WHERE id = $1
"""
SET_BACK_TOO = "UPDATE last_active SET at = at + interval '1 hour' WHERE user_id = $1"


@pytest.fixture
async def ben(tx: Transaction) -> Actor:
    return await person(tx, "Ben")


async def set_back(tx: Transaction, process_id: UUID, actor: Actor) -> None:
    """As if the database's clock had been set back by an hour: what was now is to come."""
    assert await tx.run(SET_BACK, process_id) == 1
    assert await tx.run(SET_BACK_TOO, actor.user_id) == 1


async def told_of(tx: Transaction, actor: Actor) -> Presence:
    [told] = await presence.presence_of(tx, [(actor.user_id, actor.user_id)])
    return told


async def dead_people_are_gone(tx: Transaction, ben: Actor) -> bool:
    """Whether somebody notices that Ben's process, which beats no more, is dead."""
    process_id = new_id()
    await presence.save(tx, process_id=process_id, states={ben.user_id: "online"})
    await set_back(tx, process_id, ben)
    return await presence.reap(tx) == [ben.user_id]


async def test_a_process_that_beat_in_the_future_is_dead_until_it_beats_again(
    tx: Transaction, ben: Actor
) -> None:
    assert await dead_people_are_gone(tx, ben)
    assert (await told_of(tx, ben)).state == "offline"
    process_id = new_id()
    assert not await presence.save(tx, process_id=process_id, states={ben.user_id: "online"})
    assert (await told_of(tx, ben)).state == "online"


async def test_by_age_alone_that_test_would_see_the_dead_live_on(
    tx: Transaction, ben: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_age = """
        SELECT id FROM presence_processes
         WHERE beat_at < clock_timestamp() - make_interval(secs => $1) FOR UPDATE SKIP LOCKED
    """
    monkeypatch.setattr(leases, "LOCK_DEAD", by_age)
    assert not await dead_people_are_gone(tx, ben)


async def test_nobody_was_last_active_in_an_hour(tx: Transaction, ben: Actor) -> None:
    process_id = new_id()
    await presence.save(tx, process_id=process_id, states={ben.user_id: "online"})
    await set_back(tx, process_id, ben)
    last = (await told_of(tx, ben)).last_active_at
    assert last is not None
    assert last < datetime.now(UTC) + HOUR / 2


def test_an_access_token_lives_its_time_by_whatever_clock() -> None:
    """An hour on it has ended; an hour back it is none of ours yet: both are made good silently."""
    actor = Actor(user_id=UserId(new_id()), session_id=SessionId(new_id()))
    now = datetime.now(UTC)
    token = issue_access_token(
        TEST_SECRET,
        user_id=actor.user_id,
        session_id=actor.session_id,
        role=actor.role,
        now=now,
    )
    read_access_token(TEST_SECRET, token, now=now)
    for later in (HOUR, -HOUR):
        with pytest.raises(Unauthenticated):
            read_access_token(TEST_SECRET, token, now=now + later)


async def is_taken_for_a_copy(tx: Transaction, ben: Actor) -> bool:
    """Whether the token before the last ends the session, an hour set back after the last."""
    visitor = Visitor(address="ben.test")
    for generation in (1, 2):
        token = RefreshToken(ben.session_id, generation)
        assert await rotate_or_revoke(tx, visitor, token) is not None
    later = "UPDATE sessions SET rotated_at = rotated_at + interval '1 hour' WHERE id = $1"
    assert await tx.run(later, ben.session_id) == 1
    return await rotate_or_revoke(tx, visitor, RefreshToken(ben.session_id, 2)) is None


async def test_half_a_minutes_grace_does_not_become_an_hour(tx: Transaction, ben: Actor) -> None:
    assert await is_taken_for_a_copy(tx, ben)


async def test_by_age_alone_that_test_would_see_the_copy_go_on(
    tx: Transaction, ben: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh = importlib.import_module("storage.domains.identity.refresh")
    by_age: str = refresh.LOCK_SESSION.replace(
        "abs(extract(epoch FROM now() - session.rotated_at)) < $2",
        "extract(epoch FROM now() - session.rotated_at) < $2",
    )
    assert by_age != refresh.LOCK_SESSION
    monkeypatch.setattr(refresh, "LOCK_SESSION", by_age)
    assert not await is_taken_for_a_copy(tx, ben)
