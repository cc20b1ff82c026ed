"""Races need committed rows and many transactions; a test that rolls back cannot see them.

Each lock has a control: the same without it, which must be caught. Where a test has none, a unique
index is what it rests on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import trio

from storage.actor import Actor
from storage.database import Transaction
from storage.domains.messaging import (
    AddMembers,
    CreateGroup,
    MarkRead,
    OpenDirect,
    RemoveMember,
    SendMessage,
    Sent,
    add_members,
    create_group,
    groups,
    mark_read,
    marks,
    open_direct,
    remove_member,
    send,
    send_message,
)
from storage.domains.messaging.direct import find_direct
from storage.errors import NotFound
from storage.gate import Gate
from storage.ids import ConversationId, UserId, new_id
from tests.needs import scale
from tests.world import World, person

pytestmark = pytest.mark.race


async def talk_of(gate: Gate, world: World) -> ConversationId:
    command = SendMessage(to=world.ben.user_id, text="hello", client_id=new_id())
    return (await gate.perform(send_message, world.ana, command)).conversation_id


async def numbers_of(gate: Gate, conversation_id: ConversationId) -> list[int]:
    async with gate.database.transaction(read_only=True) as tx:
        rows = await tx.rows(
            "SELECT seq FROM messages WHERE conversation_id = $1 ORDER BY seq", conversation_id
        )
    return [row["seq"] for row in rows]


async def test_a_message_sent_many_times_at_once_is_stored_once(gate: Gate, world: World) -> None:
    """Past the batches, in transactions of its own, as other processes would."""
    talk_id = await talk_of(gate, world)
    rounds = scale(15)
    for _ in range(rounds):
        command = SendMessage(conversation_id=talk_id, text="once", client_id=new_id())
        answers: list[int] = []

        async def ask(command: SendMessage, answers: list[int]) -> None:
            sent = await gate.transact(lambda tx: send_message(tx, world.ana, command))
            answers.append(sent.seq)

        async with trio.open_nursery() as nursery:
            for _ in range(6):
                nursery.start_soon(ask, command, answers)
        assert len(answers) == 6
        assert len(set(answers)) == 1
    assert await numbers_of(gate, talk_id) == list(range(1, rounds + 2))


async def send_at_once(gate: Gate, world: World, talk_id: ConversationId, count: int) -> None:
    async def one(sender: Actor, text: str) -> None:
        command = SendMessage(conversation_id=talk_id, text=text, client_id=new_id())
        await gate.transact(lambda tx: send_message(tx, sender, command))

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(one, (world.ana, world.ben)[number % 2], str(number))


async def test_senders_at_once_get_numbers_without_gap_or_double(gate: Gate, world: World) -> None:
    talk_id = await talk_of(gate, world)
    count = scale(60)
    await send_at_once(gate, world, talk_id, count)
    assert await numbers_of(gate, talk_id) == list(range(1, count + 2))


async def test_without_the_conversations_lock_numbers_collide(
    gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk_id = await talk_of(gate, world)
    monkeypatch.setattr(send, "LOCK", send.LOCK.replace("FOR NO KEY UPDATE", ""))
    with collision():
        await send_at_once(gate, world, talk_id, scale(60))


@contextmanager
def collision() -> Iterator[None]:
    """At least one of the senders broke the primary key of messages."""
    try:
        yield
    except* Exception as group:
        texts = [str(error) for error in _leaves(group)]
        assert any("messages_pkey" in text for text in texts), texts
    else:
        raise AssertionError("nothing collided: the test above cannot fail")


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]


async def read_at_once(gate: Gate, world: World, talk_id: ConversationId) -> int:
    """Ben's phone has read up to 9, his laptop up to 1, both at the same moment."""

    async def read_up_to(seq: int) -> None:
        command = MarkRead(conversation_id=talk_id, seq=seq)
        await gate.transact(lambda tx: mark_read(tx, world.ben, command))

    async with gate.database.transaction() as tx:
        await tx.run("UPDATE members SET read_seq = 0, delivered_seq = 0")
    async with trio.open_nursery() as nursery:
        for seq in (1, 9, 2, 5):
            nursery.start_soon(read_up_to, seq)
    async with gate.database.transaction(read_only=True) as tx:
        stored: int = await tx.value(
            "SELECT read_seq FROM members WHERE user_id = $1", world.ben.user_id
        )
    return stored


async def test_two_devices_at_once_end_at_the_furthest(gate: Gate, world: World) -> None:
    talk_id = await talk_of(gate, world)
    await send_at_once(gate, world, talk_id, 10)
    for _ in range(scale(40)):
        assert await read_at_once(gate, world, talk_id) == 9


async def test_without_the_members_lock_a_mark_goes_back(
    gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk_id = await talk_of(gate, world)
    await send_at_once(gate, world, talk_id, 10)
    monkeypatch.setattr(marks, "LOCK", marks.LOCK.replace("FOR NO KEY UPDATE OF member", ""))
    assert any([await read_at_once(gate, world, talk_id) != 9 for _ in range(200)])


async def test_a_first_message_that_comes_through_two_doors_at_once_is_one(
    gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other door commits between two looks of this one: there was no conversation yet, and the
    message is stored already. Without a third look that is a conflict."""
    command = SendMessage(to=world.ben.user_id, text="hello", client_id=new_id())
    look = find_direct
    elsewhere: list[Sent] = []

    async def look_and_be_late(
        tx: Transaction, opener_id: UserId, other_id: UserId
    ) -> ConversationId | None:
        found = await look(tx, opener_id, other_id)
        monkeypatch.setattr(send, "find_direct", look)
        if not elsewhere:
            sent = await gate.transact(lambda tx: send_message(tx, world.ana, command))
            elsewhere.append(sent)
        return found

    monkeypatch.setattr(send, "find_direct", look_and_be_late)
    assert await gate.transact(lambda tx: send_message(tx, world.ana, command)) == elsewhere[0]
    assert await numbers_of(gate, elsewhere[0].conversation_id) == [1]


async def test_two_who_open_a_conversation_at_once_share_one(gate: Gate, world: World) -> None:
    for _ in range(scale(10)):
        async with gate.database.transaction() as tx:
            dan, finn = (
                await person(tx, f"Dan{new_id().hex[-8:]}"),
                await person(tx, f"Finn{new_id().hex[-8:]}"),
            )
        found: set[ConversationId] = set()

        async def open_with(opener: Actor, other: Actor, found: set[ConversationId]) -> None:
            command = OpenDirect(user_id=other.user_id)
            found.add((await gate.perform(open_direct, opener, command)).id)

        async with trio.open_nursery() as nursery:
            for opener, other in [(dan, finn), (finn, dan), (dan, finn)]:
                nursery.start_soon(open_with, opener, other, found)
        assert len(found) == 1


async def leak(gate: Gate, world: World) -> bool:
    """Ana adds Chloe while Ben sends: may Chloe be told of a message she may not read?"""
    group = await gate.perform(
        create_group,
        world.ana,
        CreateGroup(name="Hikers", user_ids=[world.ben.user_id], client_id=new_id()),
    )

    async def add() -> None:
        command = AddMembers(conversation_id=group.id, user_ids=[world.chloe.user_id])
        await gate.transact(lambda tx: add_members(tx, world.ana, command))

    async def say(text: str) -> None:
        command = SendMessage(conversation_id=group.id, text=text, client_id=new_id())
        await gate.transact(lambda tx: send_message(tx, world.ben, command))

    async with trio.open_nursery() as nursery:
        for text in ("a", "b"):
            nursery.start_soon(say, text)
        nursery.start_soon(add)
        for text in ("c", "d"):
            nursery.start_soon(say, text)
    async with gate.database.transaction(read_only=True) as tx:
        leaked: bool = await tx.value(LEAKED, group.id, world.chloe.user_id)
    return leaked


async def test_who_joins_is_told_nothing_from_before(gate: Gate, world: World) -> None:
    for _ in range(scale(15)):
        assert not await leak(gate, world)


async def test_without_the_groups_lock_she_would_be(
    gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "LOCK", groups.LOCK.replace("FOR NO KEY UPDATE", ""))

    for _ in range(60):
        try:
            caught = await leak(gate, world)
        except ExceptionGroup as group:
            # The number of the note was also that of a message.
            caught = any("messages_pkey" in str(error) for error in _leaves(group))
        if caught:
            return
    raise AssertionError("nothing leaked: the test above cannot fail")


async def test_who_is_removed_while_sending_is_in_or_out_but_never_both(
    gate: Gate, world: World
) -> None:
    for _ in range(scale(10)):
        group = await gate.perform(
            create_group,
            world.ana,
            CreateGroup(name="Hikers", user_ids=[world.ben.user_id], client_id=new_id()),
        )

        async def remove(group_id: ConversationId) -> None:
            command = RemoveMember(conversation_id=group_id, user_id=world.ben.user_id)
            await gate.transact(lambda tx: remove_member(tx, world.ana, command))

        async def say(group_id: ConversationId) -> None:
            command = SendMessage(conversation_id=group_id, text="still here", client_id=new_id())
            with suppress(NotFound):
                await gate.transact(lambda tx: send_message(tx, world.ben, command))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(say, group.id)
            nursery.start_soon(remove, group.id)
            nursery.start_soon(say, group.id)
        async with gate.database.transaction(read_only=True) as tx:
            assert not await tx.value(SAID_AFTER_REMOVAL, group.id, world.ben.user_id)


# A message that she may not read (up to joined_seq) stands in the journal behind from_topic_seq.
LEAKED = """
    SELECT EXISTS (
      SELECT FROM members
        JOIN journal ON journal.topic = 'conversation:' || members.conversation_id
                    AND journal.kind = 'new_message' AND journal.seq > members.from_topic_seq
       WHERE members.conversation_id = $1 AND members.user_id = $2
         AND (journal.body->>'seq')::bigint <= members.joined_seq)
"""

SAID_AFTER_REMOVAL = """
    SELECT EXISTS (
      SELECT FROM messages AS removal
        JOIN messages AS said USING (conversation_id)
       WHERE conversation_id = $1 AND removal.note->>'type' = 'removed'
         AND said.sender_id = $2 AND said.seq > removal.seq)
"""
