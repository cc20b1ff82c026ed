"""Leases of processes on their people, by the database's clock."""

from __future__ import annotations

from uuid import UUID

import pytest

from storage.actor import Actor
from storage.database import Transaction
from storage.domains import presence
from storage.domains.presence import DEAD_SECONDS, PresentState, State
from storage.ids import UserId, new_id
from tests.world import person


@pytest.fixture
async def ben(tx: Transaction) -> Actor:
    return await person(tx, "Ben")


async def state_of(tx: Transaction, actor: Actor) -> State:
    [told] = await presence.presence_of(tx, [(actor.user_id, actor.user_id)])
    return told.state


async def age(tx: Transaction, process_id: UUID, seconds: float) -> None:
    """As if the process had last beaten so long ago."""
    backdate = """
        UPDATE presence_processes
           SET beat_at = clock_timestamp() - make_interval(secs => $2) WHERE id = $1
    """
    assert await tx.run(backdate, process_id, seconds) == 1


async def test_who_is_saved_is_there_and_who_is_removed_is_not(tx: Transaction, ben: Actor) -> None:
    process_id = new_id()
    assert await state_of(tx, ben) == "offline"
    states: list[PresentState] = ["online", "away", "online"]
    for state in states:
        await presence.save(tx, process_id, {ben.user_id: state})
        assert await state_of(tx, ben) == state
    await presence.save(tx, process_id, {ben.user_id: None})
    assert await state_of(tx, ben) == "offline"


async def test_being_there_in_one_process_is_being_there(tx: Transaction, ben: Actor) -> None:
    one, two = new_id(), new_id()
    await presence.save(tx, one, {ben.user_id: "away"})
    await presence.save(tx, two, {ben.user_id: "online"})
    assert await state_of(tx, ben) == "online"
    await presence.save(tx, two, {ben.user_id: None})
    assert await state_of(tx, ben) == "away"


async def test_a_process_learns_whether_it_had_a_lease(tx: Transaction, ben: Actor) -> None:
    process_id = new_id()
    assert await presence.beat(tx, process_id) is False
    assert await presence.beat(tx, process_id) is True
    assert await presence.save(tx, process_id, {ben.user_id: "online"}) is True
    assert await presence.save(tx, new_id(), {ben.user_id: "online"}) is False


async def test_the_people_of_a_silent_process_are_gone_before_anybody_reaps(
    tx: Transaction, ben: Actor
) -> None:
    process_id = new_id()
    await presence.save(tx, process_id, {ben.user_id: "online"})
    await age(tx, process_id, DEAD_SECONDS - 1)
    assert await state_of(tx, ben) == "online"
    await age(tx, process_id, DEAD_SECONDS + 1)
    assert await state_of(tx, ben) == "offline"


async def test_reaping_names_those_who_were_there_and_leaves_the_living(
    tx: Transaction, ben: Actor
) -> None:
    dead, living = new_id(), new_id()
    eve = await person(tx, "Eve")
    await presence.save(tx, dead, {ben.user_id: "online"})
    await presence.save(tx, living, {eve.user_id: "online"})
    assert await presence.reap(tx) == []
    await age(tx, dead, DEAD_SECONDS + 1)
    assert await presence.reap(tx) == [ben.user_id]
    assert await presence.reap(tx) == []
    assert await state_of(tx, eve) == "online"
    assert await presence.beat(tx, dead) is False, "back from the dead, it must save them again"


async def test_the_dead_were_last_active_when_their_process_last_beat(
    tx: Transaction, ben: Actor
) -> None:
    process_id = new_id()
    await presence.save(tx, process_id, {ben.user_id: "online"})
    await tx.run("UPDATE last_active SET at = at - interval '1 hour'")
    await age(tx, process_id, 100)
    beat_at = await tx.value("SELECT beat_at FROM presence_processes WHERE id = $1", process_id)
    await presence.reap(tx)
    [told] = await presence.presence_of(tx, [(ben.user_id, ben.user_id)])
    assert told.last_active_at == beat_at


async def test_somebody_whose_account_is_gone_does_not_hold_up_the_others(
    tx: Transaction, ben: Actor
) -> None:
    states: dict[UserId, PresentState] = {UserId(new_id()): "online", ben.user_id: "online"}
    await presence.save(tx, new_id(), states)
    assert await state_of(tx, ben) == "online"
