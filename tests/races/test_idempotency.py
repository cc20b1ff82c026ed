"""A retry gets the first answer: across processes, after a restart, and at the same instant.

Two gates over one database are two processes: they share nothing but PostgreSQL.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import trio

from storage import housekeeping
from storage.action import Action
from storage.actor import Actor
from storage.domains import friends, messaging
from storage.domains.friends import OtherUser
from storage.domains.messaging import (
    CreateGroup,
    LeaveConversation,
    MarkRead,
    SendMessage,
    UpdateConversation,
)
from storage.errors import Conflict, Forbidden, Refusal
from storage.gate import Gate, open_gate
from storage.ids import ConversationId, new_id
from storage.settings import Settings
from tests.needs import scale
from tests.world import World

pytestmark = pytest.mark.race


@pytest.fixture
async def elsewhere(settings: Settings) -> AsyncIterator[Gate]:
    async with open_gate(settings) as gate:
        yield gate


async def at_once(
    gates: Sequence[Gate], action: Action[..., Any], actor: Actor, *commands: Any, key: str = ""
) -> list[Any]:
    """Each command at a process of its own; answers, or refusals in their place."""
    answers: list[Any] = [None] * len(commands)

    async def ask(place: int, command: Any) -> None:
        try:
            gate = gates[place % len(gates)]
            answers[place] = await gate.perform(action, actor, command, key=key or None)
        except Refusal as refusal:
            answers[place] = refusal

    async with trio.open_nursery() as nursery:
        for place, command in enumerate(commands):
            nursery.start_soon(ask, place, command)
    return answers


async def stored(gate: Gate, text: str) -> int:
    async with gate.database.transaction(read_only=True) as tx:
        count: int = await tx.value("SELECT count(*) FROM messages WHERE text = $1", text)
    return count


async def group_of(gate: Gate, creator: Actor, *others: Actor) -> ConversationId:
    user_ids = [other.user_id for other in others]
    command = CreateGroup(name="Hikers", user_ids=user_ids, client_id=new_id())
    return (await gate.perform(messaging.create_group, creator, command)).id


async def test_a_message_sent_to_two_processes_at_the_same_instant_is_one(
    gate: Gate, elsewhere: Gate, world: World
) -> None:
    for number in range(scale(15)):
        command = SendMessage(to=world.ben.user_id, text=f"{number}", client_id=new_id())
        answers = await at_once(
            [gate, elsewhere], messaging.send_message, world.ana, *[command] * 6
        )
        assert answers == [answers[0]] * 6
        assert answers[0].seq == number + 1
        assert await stored(gate, f"{number}") == 1


async def to_two_people(gates: Sequence[Gate], world: World) -> tuple[list[Any], int]:
    """One client id for two messages, at two processes at the same instant."""
    client_id = new_id()
    commands = [
        SendMessage(to=other.user_id, text=f"{client_id}", client_id=client_id)
        for other in (world.ben, world.chloe)
    ]
    answers = await at_once(gates, messaging.send_message, world.ana, *commands)
    return answers, await stored(gates[0], f"{client_id}")


async def open_both(gate: Gate, world: World) -> None:
    for other in (world.ben, world.chloe):
        command = SendMessage(to=other.user_id, text="hello", client_id=new_id())
        await gate.perform(messaging.send_message, world.ana, command)


async def test_a_client_id_names_one_message_wherever_two_are_sent_at_the_same_instant(
    gate: Gate, elsewhere: Gate, world: World
) -> None:
    await open_both(gate, world)
    for _ in range(scale(15)):
        answers, count = await to_two_people([gate, elsewhere], world)
        assert sorted(isinstance(answer, Conflict) for answer in answers) == [False, True]
        assert count == 1


async def test_without_the_unique_index_both_would_be_stored(
    gate: Gate, elsewhere: Gate, world: World
) -> None:
    await open_both(gate, world)
    await gate.database.script("DROP INDEX messages_once")
    counts = [(await to_two_people([gate, elsewhere], world))[1] for _ in range(20)]
    assert 2 in counts


async def groups_made(gates: Sequence[Gate], world: World) -> int:
    command = CreateGroup(name="Hikers", user_ids=[world.ben.user_id], client_id=new_id())
    answers = await at_once(gates, messaging.create_group, world.ana, *[command] * 4)
    return len({answer.id for answer in answers})


async def test_a_group_made_at_two_processes_at_the_same_instant_is_one(
    gate: Gate, elsewhere: Gate, world: World
) -> None:
    for _ in range(scale(10)):
        assert await groups_made([gate, elsewhere], world) == 1


async def test_without_the_key_of_remembered_answers_there_would_be_several(
    gate: Gate, elsewhere: Gate, world: World
) -> None:
    await gate.database.script("ALTER TABLE idempotency DROP CONSTRAINT idempotency_pkey")
    assert any([await groups_made([gate, elsewhere], world) > 1 for _ in range(10)])


async def test_one_idempotency_key_at_two_processes_has_one_effect(
    gate: Gate, elsewhere: Gate, world: World
) -> None:
    group_id = await group_of(gate, world.ana, world.ben)
    for number in range(scale(10)):
        command = UpdateConversation(conversation_id=group_id, name=f"Name {number}")
        answers = await at_once(
            [gate, elsewhere],
            messaging.update_conversation,
            world.ana,
            *[command] * 4,
            key=f"key {number}",
        )
        assert answers == [answers[0]] * 4
        # Renamed by another meanwhile: the retry answers as the first time, and renames nothing.
        back = UpdateConversation(conversation_id=group_id, name="Hikers")
        await gate.perform(messaging.update_conversation, world.ana, back)
        again = await elsewhere.perform(
            messaging.update_conversation, world.ana, command, key=f"key {number}"
        )
        assert again == answers[0]
    async with gate.database.transaction(read_only=True) as tx:
        assert await tx.value(COUNT_RENAMED) == 2 * scale(10)


async def test_after_a_restart_and_a_day_and_leaving_a_message_is_still_the_one_it_was(
    gate: Gate, settings: Settings, world: World
) -> None:
    group_id = await group_of(gate, world.ana, world.ben)
    command = SendMessage(conversation_id=group_id, text="once", client_id=new_id())
    first = await gate.perform(messaging.send_message, world.ben, command)
    leave = LeaveConversation(conversation_id=group_id)
    await gate.perform(messaging.leave_conversation, world.ben, leave)
    async with gate.database.transaction() as tx:
        await tx.run("UPDATE idempotency SET created_at = now() - interval '2 days'")
        assert await housekeeping.forget_old_answers(tx) == 1, "that of the group"
    async with open_gate(settings) as restarted:
        assert await restarted.perform(messaging.send_message, world.ben, command) == first
        other = SendMessage(conversation_id=group_id, text="twice", client_id=command.client_id)
        with pytest.raises(Conflict):
            await restarted.perform(messaging.send_message, world.ben, other)
    assert await stored(gate, "once") == 1


async def test_who_was_blocked_since_still_gets_the_first_answer(gate: Gate, world: World) -> None:
    command = SendMessage(to=world.ben.user_id, text="hello", client_id=new_id())
    first = await gate.perform(messaging.send_message, world.ana, command)
    await gate.perform(friends.block_user, world.ben, OtherUser(user_id=world.ana.user_id))
    assert await gate.perform(messaging.send_message, world.ana, command) == first


async def test_what_was_refused_is_not_remembered(gate: Gate, world: World) -> None:
    await open_both(gate, world)
    ana = OtherUser(user_id=world.ana.user_id)
    await gate.perform(friends.block_user, world.ben, ana)
    command = SendMessage(to=world.ben.user_id, text="please", client_id=new_id())
    for _ in range(2):
        with pytest.raises(Forbidden):
            await gate.perform(messaging.send_message, world.ana, command)
    await gate.perform(friends.unblock_user, world.ben, ana)
    assert (await gate.perform(messaging.send_message, world.ana, command)).seq == 2


async def test_the_phone_and_the_laptop_at_two_processes_end_at_the_furthest_mark(
    gate: Gate, elsewhere: Gate, world: World
) -> None:
    talk_id = await group_of(gate, world.ana, world.ben)
    for number in range(20):
        command = SendMessage(conversation_id=talk_id, text=f"{number}", client_id=new_id())
        await gate.perform(messaging.send_message, world.ana, command)
    for furthest in range(3, 20):
        marks = [MarkRead(conversation_id=talk_id, seq=furthest - back) for back in (2, 0, 1, 0)]
        await at_once([gate, elsewhere], messaging.mark_read, world.ben, *marks)
        async with gate.database.transaction(read_only=True) as tx:
            row = await tx.row(FIND_MARKS, world.ben.user_id)
            moves = [row["seq"] for row in await tx.rows(FIND_MOVES, str(world.ben.user_id))]
        assert row is not None
        assert (row["read_seq"], row["delivered_seq"]) == (furthest, furthest)
        assert moves == sorted(set(moves)), "nobody is told of a mark that goes back"


COUNT_RENAMED = "SELECT count(*) FROM messages WHERE note->>'type' = 'renamed'"

FIND_MARKS = "SELECT read_seq, delivered_seq FROM members WHERE user_id = $1"

FIND_MOVES = """
    SELECT (body->>'seq')::bigint AS seq FROM journal
     WHERE kind = 'messages_read' AND body->>'userId' = $1 ORDER BY journal.seq
"""
