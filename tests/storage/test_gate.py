"""What the gate does for every command, tried with commands of the tests' own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

import pytest
import trio

from storage.action import Steps, action, flow
from storage.actor import Actor, Visitor
from storage.database import Database, Transaction
from storage.errors import Conflict, InvalidInput, Refusal, TooManyRequests, Unavailable
from storage.gate import Gate, _network_of, open_gate
from storage.ids import new_id
from storage.journal import Entry, emit
from storage.settings import Settings
from storage.words import Nothing, Words
from tests.needs import scale
from tests.storage.test_bus import Ear
from tests.world import World


class Put(Words):
    what: str


class PutOnce(Put):
    client_id: UUID


class Number(Words):
    number: int


class WasPut(Words):
    kind: ClassVar[str] = "was_put"
    what: str


@action
async def put(tx: Transaction, actor: Actor, command: Put) -> Number:
    """Put a thing on the pile."""
    if command.what.startswith("held"):
        await tx.run("SELECT FROM held FOR UPDATE")
    if command.what == "refused":
        raise InvalidInput("what", "not this")
    number = await tx.value("INSERT INTO pile (what) VALUES ($1) RETURNING number", command.what)
    emit(tx, "pile", WasPut(what=command.what))
    return Number(number=number)


@action
async def put_once(tx: Transaction, actor: Actor, command: PutOnce) -> Number:
    return await put(tx, actor, Put(what=command.what))


@action(reads=True)
async def count(tx: Transaction, actor: Actor, command: Nothing) -> Number:
    return Number(number=await tx.value("SELECT count(*) FROM pile"))


@action(reads=True)
async def read_that_writes(tx: Transaction, actor: Actor, command: Nothing) -> Number:
    return await put(tx, actor, Put(what="by the back door"))


async def many(tx: Transaction, asked: Sequence[tuple[Actor, Put]]) -> Sequence[Number | Refusal]:
    await tx.run("INSERT INTO batches (size) VALUES ($1)", len(asked))
    answers: list[Number | Refusal] = []
    for actor, command in asked:
        try:
            answers.append(await put(tx, actor, command))
        except Refusal as refusal:
            answers.append(refusal)
    return answers


@action(many=many)
async def put_among_many(tx: Transaction, actor: Actor, command: Put) -> Number:
    raise AssertionError("the gate asks the batched form")


@flow
async def put_two(steps: Steps, visitor: Visitor, command: Put) -> Number:
    actor = Actor(user_id=new_id(), session_id=new_id())  # type: ignore[arg-type]  # Nobody.
    await steps.step(put, actor, command)
    return await steps.step(put, actor, command)


@pytest.fixture
async def pile(gate: Gate) -> Gate:
    await gate.database.script(
        "CREATE TABLE pile (number bigserial PRIMARY KEY, what text CHECK (what <> 'broken'));"
        "CREATE TABLE batches (size int);"
        "CREATE TABLE held AS SELECT 1"
    )
    return gate


async def counted(gate: Gate, actor: Actor) -> int:
    return (await gate.step(count, actor, Nothing())).number


async def test_what_was_committed_is_published_and_what_was_refused_is_not(
    pile: Gate, world: World
) -> None:
    ear = Ear()
    with pile.bus.subscribe(ear):
        await pile.perform(put, world.ana, Put(what="a stone"))
        with pytest.raises(InvalidInput):
            await pile.perform(put, world.ana, Put(what="refused"))
    assert ear.entries == [Entry("pile", 1, "was_put", b'{"what":"a stone"}')]


async def test_a_read_cannot_write(pile: Gate, world: World) -> None:
    with pytest.raises(Exception, match="read-only"):
        await pile.perform(read_that_writes, world.ana, Nothing())


async def test_the_same_key_gets_the_first_answer_and_happens_once(
    pile: Gate, world: World
) -> None:
    first = await pile.perform(put, world.ana, Put(what="a stone"), key="k1")
    again = await pile.perform(put, world.ana, Put(what="a stone"), key="k1")
    assert again == first
    with pytest.raises(Conflict, match="idempotencyKey"):
        await pile.perform(put, world.ana, Put(what="another"), key="k1")
    by_ben = await pile.perform(put, world.ben, Put(what="a stone"), key="k1")
    assert by_ben != first
    assert await counted(pile, world.ana) == 2


async def test_a_client_id_is_a_key_of_its_own(pile: Gate, world: World) -> None:
    command = PutOnce(what="a stone", client_id=new_id())
    assert await pile.perform(put_once, world.ana, command) == await pile.perform(
        put_once, world.ana, command
    )


async def test_a_refusal_is_not_remembered(pile: Gate, world: World) -> None:
    with pytest.raises(InvalidInput):
        await pile.perform(put, world.ana, Put(what="refused"), key="k1")
    assert (await pile.perform(put, world.ana, Put(what="a stone"), key="k1")).number


@pytest.mark.parametrize("key", ["", "x" * 201, "é", "a\nb"])
async def test_a_key_has_a_form(pile: Gate, world: World, key: str) -> None:
    with pytest.raises(InvalidInput, match="idempotencyKey"):
        await pile.perform(put, world.ana, Put(what="a stone"), key=key)


@pytest.mark.race
async def test_many_retries_at_once_have_one_effect(pile: Gate, world: World) -> None:
    for round_number in range(scale(10)):
        answers: list[int] = []

        async def ask(key: str, answers: list[int]) -> None:
            answers.append((await pile.perform(put, world.ana, Put(what="x"), key=key)).number)

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(ask, f"round {round_number}", answers)
        assert len(answers) == 8
        assert len(set(answers)) == 1
    assert await counted(pile, world.ana) == scale(10)


async def test_who_asks_at_the_same_time_shares_a_transaction(pile: Gate, world: World) -> None:
    numbers: set[int] = set()

    async def ask() -> None:
        numbers.add((await pile.perform(put_among_many, world.ana, Put(what="x"))).number)

    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(ask)
    assert len(numbers) == 100
    async with pile.database.transaction(read_only=True) as tx:
        assert await tx.value("SELECT count(*) FROM batches") <= 4


async def test_what_one_breaks_does_not_fail_its_neighbours(pile: Gate, world: World) -> None:
    outcomes: dict[str, str] = {}

    async def ask(what: str) -> None:
        try:
            await pile.perform(put_among_many, world.ana, Put(what=what))
            outcomes[what] = "stored"
        except Exception as error:
            outcomes[what] = type(error).__name__

    async with trio.open_nursery() as nursery:
        for what in ("a", "broken", "refused", "not\x00text", "b"):
            nursery.start_soon(ask, what)
    assert outcomes == {
        "a": "stored",
        "broken": "CheckViolationError",
        "refused": "InvalidInput",
        "not\x00text": "CharacterNotInRepertoireError",
        "b": "stored",
    }
    assert await counted(pile, world.ana) == 2


async def test_who_wants_what_somebody_holds_does_not_make_a_neighbour_wait_for_each_of_them(
    pile: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.database.LOCK_SECONDS_MAX", 1.0)
    outcomes: dict[str, str] = {}

    async def ask(what: str) -> None:
        try:
            await pile.perform(put_among_many, world.ana, Put(what=what))
            outcomes[what] = "stored"
        except Unavailable:
            outcomes[what] = "unavailable"

    wanted = [f"held {number}" for number in range(30)]
    began = trio.current_time()
    async with pile.database.transaction() as holder:
        await holder.run("SELECT FROM held FOR UPDATE")
        async with trio.open_nursery() as nursery:
            for what in (*wanted, "free"):
                nursery.start_soon(ask, what)
    assert outcomes == dict.fromkeys(wanted, "unavailable") | {"free": "stored"}
    assert trio.current_time() - began < 15, "half of what one after the other would take"


async def test_a_flow_is_several_transactions(pile: Gate, world: World) -> None:
    await pile.perform(put_two, Visitor(address="198.51.100.7"), Put(what="x"))
    assert await counted(pile, world.ana) == 2
    assert put_two.visitor
    assert not put.visitor


async def test_an_action_says_what_doors_must_know() -> None:
    assert (put.name, put.command, put.result) == ("put", Put, Number)
    assert put.summary == "Put a thing on the pile."


async def test_limits_are_counted_before_any_work(
    settings: Settings, database_url: str, world: World
) -> None:
    strict = Settings(
        data=settings.data, secret=settings.secret, database_url=database_url, limits_scale=1.0
    )
    async with open_gate(strict) as gate:
        visitor = Visitor(address="198.51.100.7")

        @flow
        async def guess(steps: Steps, _visitor: Visitor, command: Put) -> Nothing:
            steps.count_guess(command.what)
            return Nothing()

        for number in range(5):
            await gate.perform(guess, visitor, Put(what=f"u{number}"), route_class="auth")
        with pytest.raises(TooManyRequests):
            await gate.perform(guess, visitor, Put(what="u6"), route_class="auth")
        # One account is guessed at from everywhere.
        for number in range(5):
            elsewhere = Visitor(address=f"203.0.113.{number}")
            await gate.perform(guess, elsewhere, Put(what="ana"), route_class="auth")
        elsewhere = Visitor(address="203.0.113.99")
        with pytest.raises(TooManyRequests):
            await gate.perform(guess, elsewhere, Put(what="ana"), route_class="auth")


async def test_a_database_that_is_gone_is_an_answer_that_says_to_try_again(
    pile: Gate, world: World
) -> None:
    @action
    async def lose(tx: Transaction, _actor: Actor, _command: Nothing) -> Nothing:
        await _kill(pile.database, await tx.value("SELECT pg_backend_pid()"))
        await tx.value("SELECT 1")
        return Nothing()

    with pytest.raises(Unavailable) as refusal:
        await pile.perform(lose, world.ana, Nothing())
    assert refusal.value.retry
    assert await counted(pile, world.ana) == 0, "and the gate goes on"


async def _kill(database: Database, pid: int) -> None:
    async with database.transaction() as tx:
        await tx.run("SELECT pg_terminate_backend($1)", pid)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:198.51.100.7", "198.51.100.7", True),
        ("198.51.100.7", "198.51.100.8", False),
    ],
)
def test_addresses_of_one_household_count_as_one(one: str, other: str, *, same: bool) -> None:
    assert (_network_of(one) == _network_of(other)) == same


def test_an_answer_does_not_grow_with_what_it_refuses() -> None:
    refusal = InvalidInput("x" * 100_000, "y" * 100_000)
    assert len(str(refusal.body())) < 1_000


def test_only_what_is_not_repeatable_by_itself_takes_a_key() -> None:
    assert put.takes_key
    assert not any(one.takes_key for one in (put_once, put_among_many, count, put_two))
