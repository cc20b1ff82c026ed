"""Two people at the same moment. Each race is run again without the lock, and must then be lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import trio

from storage.action import Action
from storage.actor import Actor
from storage.database import Deadlock, Transaction, UniqueViolation
from storage.domains.friends import (
    OtherUser,
    accept_friend,
    block_user,
    cancel_friend_request,
    relations,
    request_friend,
)
from storage.errors import Refusal
from storage.gate import Gate
from tests.world import World

ROUNDS = 20
UNLOCKED = "SELECT id FROM users WHERE id = ANY ($1::uuid[]) ORDER BY id"

Asked = tuple[Action[..., Any], Actor, Actor]


@pytest.fixture
def without_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relations, "LOCK_PAIR", UNLOCKED)


async def at_once(gate: Gate, *all_asked: Asked) -> list[Any]:
    """Answers, or the exceptions in their place."""
    answers: list[Any] = [None] * len(all_asked)

    async def ask(place: int, asked: Asked) -> None:
        action, actor, other = asked
        try:
            answers[place] = await gate.perform(action, actor, OtherUser(user_id=other.user_id))
        except (Refusal, UniqueViolation) as error:
            answers[place] = error

    async with trio.open_nursery() as nursery:
        for place, asked in enumerate(all_asked):
            nursery.start_soon(ask, place, asked)
    return answers


async def edges(gate: Gate) -> tuple[int, int, int]:
    """How many rows there are of friends, requests and blocks."""
    async with gate.database.transaction(read_only=True) as tx:
        row = await tx.row(COUNT_EDGES)
    assert row is not None
    return (row["friends"], row["requests"], row["blocks"])


async def anew(gate: Gate, *requests: tuple[Actor, Actor]) -> None:
    async with gate.database.transaction() as tx:
        await tx.run("DELETE FROM friends")
        await tx.run("DELETE FROM friend_requests")
        await tx.run("DELETE FROM blocks")
        for asker, asked in requests:
            await tx.run(ADD_REQUEST, asker.user_id, asked.user_id)


async def crossing_requests_lost(gate: Gate, world: World) -> int:
    """In how many rounds two who asked each other did not simply become friends."""
    lost = 0
    for _ in range(ROUNDS):
        await anew(gate)
        answers = await at_once(
            gate,
            (request_friend, world.ana, world.ben),
            (request_friend, world.ben, world.ana),
        )
        said = sorted(getattr(answer, "friendship", "error") for answer in answers)
        lost += (said, await edges(gate)) != (["friends", "requested"], (2, 0, 0))
    return lost


async def taken_back_and_accepted_lost(gate: Gate, world: World) -> int:
    """In how many rounds a request was taken back, and accepted all the same."""
    lost = 0
    for _ in range(ROUNDS):
        await anew(gate, (world.ana, world.ben))
        taken_back, _ = await at_once(
            gate,
            (cancel_friend_request, world.ana, world.ben),
            (accept_friend, world.ben, world.ana),
        )
        ends = {"none": (0, 0, 0), "friends": (2, 0, 0)}
        lost += await edges(gate) != ends.get(getattr(taken_back, "friendship", ""))
    return lost


async def blocked_and_asked_lost(gate: Gate, world: World) -> int:
    """In how many rounds a request of somebody who was blocked was left over."""
    lost = 0
    for _ in range(ROUNDS):
        await anew(gate)
        await at_once(
            gate, (block_user, world.ana, world.eve), (request_friend, world.eve, world.ana)
        )
        lost += await edges(gate) != (0, 0, 1)
    return lost


RACES = [crossing_requests_lost, taken_back_and_accepted_lost, blocked_and_asked_lost]


@pytest.mark.parametrize("race", RACES)
async def test_two_at_once_come_out_as_one_after_the_other(
    gate: Gate, world: World, race: Any
) -> None:
    assert await race(gate, world) == 0


@pytest.mark.parametrize("race", RACES)
async def test_without_the_lock_the_race_is_lost(
    gate: Gate, world: World, without_the_lock: None, race: Any
) -> None:
    assert await race(gate, world) > 0


async def lock_crossed(gate: Gate, world: World, *, in_order: bool) -> None:
    """Two transactions that lock the same two people, each beginning with itself."""
    both_have_begun = [trio.Event(), trio.Event()]

    async def lock(own: int, people: Sequence[Actor]) -> None:
        async with gate.database.transaction() as tx:
            if in_order:
                await relations.lock_relation(tx, people[0].user_id, people[1].user_id)
                return
            await lock_one(tx, people[0])
            both_have_begun[own].set()
            await both_have_begun[1 - own].wait()
            await lock_one(tx, people[1])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lock, 0, [world.ana, world.ben])
        nursery.start_soon(lock, 1, [world.ben, world.ana])


async def lock_one(tx: Transaction, person: Actor) -> None:
    await tx.rows(relations.LOCK_PAIR, [person.user_id])


async def test_two_who_lock_each_other_never_deadlock(gate: Gate, world: World) -> None:
    for _ in range(ROUNDS):
        await lock_crossed(gate, world, in_order=True)


async def test_locked_in_their_own_order_they_would(gate: Gate, world: World) -> None:
    with pytest.RaisesGroup(Deadlock):
        await lock_crossed(gate, world, in_order=False)


COUNT_EDGES = """
    SELECT (SELECT count(*) FROM friends) AS friends,
           (SELECT count(*) FROM friend_requests) AS requests,
           (SELECT count(*) FROM blocks) AS blocks
"""

ADD_REQUEST = "INSERT INTO friend_requests (from_id, to_id) VALUES ($1, $2)"
