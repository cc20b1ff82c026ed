"""`./loopync admin verify`: a healthy world has no difference, and every planted one is named."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio

import ops.verify
from ops.admin import parser
from ops.say import Stop
from ops.verify import CHECKS
from storage.actor import Actor
from storage.database import Limits, Transaction, open_database
from storage.domains.messaging import (
    ListConversations,
    SendMessage,
    conversations,
    list_conversations,
    lists,
    send_message,
    verify_marks,
)
from storage.gate import Gate, open_gate
from storage.housekeeping import forget_old_entries
from storage.ids import new_id
from storage.settings import Settings
from storage.verify import Check, Outcome, verify
from tests.conftest import LIMITS_SCALE, TEST_SECRET
from tests.needs import scale
from tests.ops.busy import Story, happen, people
from tests.postgres import Server

ACTIONS = 400


@dataclass(frozen=True, slots=True)
class Busy:
    """A database in which much has happened, and the story that the planted faults are about."""

    url: str
    story: Story

    @asynccontextmanager
    async def changed(self, sql: str) -> AsyncIterator[Transaction]:
        """What it would be after these commands, which are undone again."""

        class TheEnd(Exception):
            pass

        async with open_database(self.url, connections_max=1) as database:
            try:
                async with database.transaction() as tx:
                    await tx.run(sql.format_map(self.names))
                    yield tx
                    raise TheEnd
            except TheEnd:
                pass

    @property
    def names(self) -> dict[str, object]:
        story = self.story
        named = {name: getattr(story, name).user_id for name in ("ana", "ben", "chloe", "eve")}
        return named | {"direct": story.direct, "group": story.group, "id": new_id()}


@pytest.fixture(scope="module")
def busy(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    with server.fresh_database() as url:
        settings = Settings(
            data=tmp_path_factory.mktemp("busy"),
            secret=TEST_SECRET,
            database_url=url,
            limits_scale=LIMITS_SCALE,
        )

        async def fill() -> Story:
            async with open_gate(settings) as gate:
                await happen(gate, await people(gate, 8), seed=1, actions=ACTIONS)
                return await Story.told(gate)

        yield Busy(url, trio.run(fill))


async def found_in(tx: Transaction) -> Outcome | None:
    return await verify(tx, CHECKS, lambda outcome: None)


async def looked_through(gate: Gate) -> None:
    """As `./loopync admin verify` does."""
    arguments = parser().parse_args(["verify"])
    await arguments.run(gate, arguments)


@pytest.mark.parametrize("seed", range(scale(3)))
async def test_whatever_people_did_nothing_differs(
    gate: Gate, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    await happen(gate, await people(gate, 8), seed, ACTIONS)
    await Story.told(gate)
    capsys.readouterr()

    await looked_through(gate)

    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "Nothing differs."
    assert len(lines) == len(CHECKS) + 1
    assert all(line.startswith("ok  ") for line in lines[:-1])
    async with gate.database.transaction(read_only=True) as tx:
        messages = await tx.value("SELECT count(*) FROM messages")
    assert f"a sender's client id names one message ({messages:,} rows" in "\n".join(lines)
    assert messages > ACTIONS / 5, "something happened"


# What is changed, which check must see it, and what it must say.
PLANTED: list[tuple[str, str, str]] = [
    (
        "UPDATE conversations SET last_seq = 4 WHERE id = '{direct}'",
        "numbered from 1",
        "conversation {direct} says that its last message is number 4; it has 3 messages, the last "
        "of them number 3, and 4 is the first number that no message has",
    ),
    (
        "DELETE FROM messages WHERE conversation_id = '{direct}' AND seq = 2",
        "numbered from 1",
        "conversation {direct} says that its last message is number 3; it has 2 messages, the last "
        "of them number 3, and 2 is the first number that no message has",
    ),
    (
        "UPDATE conversations SET last_activity_at = now() WHERE id = '{direct}'",
        "last active",
        "conversation {direct} says that it was last active at",
    ),
    (
        "DROP INDEX messages_once; UPDATE messages SET client_id = '{id}' WHERE sender_id = '{ana}'"
        " AND conversation_id = '{direct}'",
        "client id",
        "sender {ana} has 3 messages under the client id",
    ),
    (
        "DELETE FROM members WHERE conversation_id = '{direct}' AND user_id = '{ben}'",
        "exactly its two",
        "but has 1 member rows, 1 of them theirs",
    ),
    (
        "INSERT INTO members (conversation_id, user_id) VALUES ('{direct}', '{eve}')",
        "exactly its two",
        "but has 3 member rows, 2 of them theirs",
    ),
    (
        "UPDATE members SET role = 'member' WHERE conversation_id = '{group}'",
        "has an admin",
        "conversation {group} has 2 members, and none of them is an admin",
    ),
    (
        "DELETE FROM members WHERE conversation_id = '{group}' AND user_id = '{ben}'",
        "came in and have not left",
        "user {ben} has no row among the members of conversation {group}, but by its notes they "
        "came in with message 1",
    ),
    (
        "INSERT INTO members (conversation_id, user_id) VALUES ('{group}', '{eve}')",
        "came in and have not left",
        "user {eve} has a row that says they joined after message 0 among the members of "
        "conversation {group}, but by its notes they never came in",
    ),
    (
        "INSERT INTO members (conversation_id, user_id) VALUES ('{group}', '{chloe}')",
        "came in and have not left",
        "by its notes they left with message 5",
    ),
    (
        "UPDATE messages SET sender_id = '{eve}' WHERE conversation_id = '{direct}' AND seq = 2",
        "every sender was a member",
        "message 2 of conversation {direct} is from {eve}, who was no member then",
    ),
    (
        "UPDATE messages SET sender_id = '{chloe}' WHERE conversation_id = '{group}' AND seq = 6",
        "every sender was a member",
        "message 6 of conversation {group} is from {chloe}, who was no member then",
    ),
    (
        "DELETE FROM journal WHERE topic = 'conversation:{direct}' AND kind = 'new_message'"
        " AND body->>'seq' = '2'",
        "has its journal entry",
        "message 2 of conversation {direct}",
    ),
    (
        "UPDATE messages SET text = 'forged' WHERE conversation_id = '{direct}' AND seq = 2",
        "says what the message says",
        "of topic conversation:{direct} tells of message 2, but the message has another text",
    ),
    (
        "UPDATE messages SET id = '{id}' WHERE conversation_id = '{direct}' AND seq = 2",
        "says what the message says",
        "tells of message 2, but the message has another id",
    ),
    (
        "UPDATE messages SET sender_id = '{ben}' WHERE conversation_id = '{direct}' AND seq = 2",
        "says what the message says",
        "tells of message 2, but the message has another sender",
    ),
    (
        'UPDATE messages SET note = \'{{"type": "renamed", "userIds": [], "name": "x"}}\''
        " WHERE conversation_id = '{group}' AND seq = 5;"
        " INSERT INTO members (conversation_id, user_id, read_seq, delivered_seq)"
        " VALUES ('{group}', '{chloe}', 0, 0)",
        "says what the message says",
        "tells of message 5, but the message has another kind or note",
    ),
    (
        "INSERT INTO journal (topic, seq, kind, body) SELECT topic, last_seq + 1, 'new_message',"
        " '{{\"seq\": 9}}' FROM topics WHERE topic = 'conversation:{direct}'",
        "says what the message says",
        "of topic conversation:{direct} tells of message 9, but no message has that number",
    ),
    (
        'UPDATE journal SET body = \'{{"seq": "two"}}\''
        " WHERE topic = 'conversation:{direct}' AND kind = 'new_message'",
        "has its journal entry",
        "a row cannot be read: invalid input syntax for type bigint",
    ),
    (
        "INSERT INTO journal (topic, seq, kind, body) SELECT topic, seq + 100, kind, body"
        " FROM journal WHERE topic = 'conversation:{direct}' AND body->>'text' = 'two'",
        "stands in the journal twice",
        "topic conversation:{direct} tells of message 2 2 times",
    ),
    (
        "DELETE FROM journal WHERE topic = 'user:{ben}' AND kind = 'conversation_added'"
        " AND body->'conversation'->>'id' = '{group}'",
        "which conversations they are in",
        "topic user:{ben} does not speak of it of conversation {group}, whose rows say: a member "
        "from entry 0",
    ),
    (
        "DELETE FROM journal WHERE topic = 'user:{chloe}' AND kind = 'conversation_removed'",
        "which conversations they are in",
        "topic user:{chloe} says conversation_added in entry 1, from 0 of conversation {group}, "
        "whose rows say: no member",
    ),
    (
        "UPDATE members SET from_topic_seq = 2 WHERE conversation_id = '{group}'"
        " AND user_id = '{ben}'",
        "which conversations they are in",
        "whose rows say: a member from entry 2",
    ),
    (
        "UPDATE members SET delivered_seq = 4 WHERE conversation_id = '{direct}'"
        " AND user_id = '{ben}'",
        "marks keep their order",
        "has read 2 and received 4, and the last message is 3",
    ),
    (
        "UPDATE members SET joined_seq = 3 WHERE conversation_id = '{direct}'"
        " AND user_id = '{ben}'",
        "marks keep their order",
        "user {ben} in conversation {direct} joined at 3",
    ),
    (
        "UPDATE members SET read_seq = 1 WHERE conversation_id = '{direct}' AND user_id = '{ben}'",
        "furthest that was told",
        "user {ben} in conversation {direct} has read up to message 1, but the furthest in the "
        "journal is 2",
    ),
    (
        "UPDATE members SET read_seq = 3, delivered_seq = 3 WHERE conversation_id = '{direct}'"
        " AND user_id = '{ben}'",
        "furthest that was told",
        "up to message 3, but the furthest in the journal is 2",
    ),
    (
        "UPDATE members SET delivered_seq = 1, delivered_at = now()"
        " WHERE conversation_id = '{direct}' AND user_id = '{ana}'",
        "furthest that was told",
        "user {ana} in conversation {direct} has received up to message 1, but the furthest in the "
        "journal was never told",
    ),
    (
        "UPDATE topics SET last_seq = last_seq - 1 WHERE topic = 'user:{ana}'",
        "numbered beyond",
        "topic user:{ana} has an entry",
    ),
    (
        "UPDATE topics SET last_seq = last_seq + 2 WHERE topic = 'user:{ana}'",
        "no number before it is missing",
        "topic user:{ana} says that its last entry is",
    ),
    (
        "DELETE FROM journal WHERE topic = 'user:{ana}' AND body->>'bio' = 'Baker'",
        "no number before it is missing",
        "topic user:{ana} says that its last entry is 5; the journal holds 4 from 1 to 5, and 4 is "
        "the first that is not there",
    ),
    (
        "UPDATE idempotency SET answer = NULL WHERE user_id = '{ana}'",
        "has its answer",
        "user {ana} asked create_group with the key",
    ),
    (
        "INSERT INTO presence_processes (id, beat_at) VALUES"
        " ('{id}', now() - interval '2 minutes'),"
        " ('01900000-0000-7000-8000-000000000000', now());"
        " INSERT INTO presence VALUES ('{ben}', '{id}', 'away')",
        "through a process that is dead",
        "user {ben} is away through the process",
    ),
]


@pytest.mark.parametrize(("sql", "holds", "said"), PLANTED, ids=range(len(PLANTED)))
async def test_what_was_changed_by_hand_is_found_for_its_reason(
    busy: Busy, sql: str, holds: str, said: str
) -> None:
    async with busy.changed(sql) as tx:
        found = await found_in(tx)

    assert found is not None
    assert found.difference is not None
    assert holds in found.check.holds, found
    assert said.format_map(busy.names) in found.difference


def test_every_check_has_a_planted_difference() -> None:
    asked_of_the_product = {"unread counts", "the lists of"}
    planted = {holds for _, holds, _ in PLANTED} | asked_of_the_product
    unproven = [c.holds for c in CHECKS if not any(words in c.holds for words in planted)]
    assert unproven == []


@pytest.mark.parametrize(
    ("module", "name", "right", "wrong", "said"),
    [
        (verify_marks, "UNREAD_COUNT", "note.kind = 'note'", "false", "is told of"),
        (verify_marks, "UNREAD_COUNT", "own.sender_id = member.user_id", "false", "is told of"),
        (
            conversations,
            "FIND_AS_MEMBER",
            "own.seq >",
            "own.seq >=",
            "unread messages in con",
        ),
        (lists, "COUNT_UNREAD", "note.kind = 'note'", "false", "unread messages in all"),
        (lists, "FIND_PAGE", "LIMIT $4", "LIMIT $4 - 100", "leaves out conversation"),
    ],
)
async def test_a_product_that_counts_otherwise_is_found(
    busy: Busy,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    right: str,
    wrong: str,
    said: str,
) -> None:
    sql = getattr(module, name)
    assert right in sql
    monkeypatch.setattr(module, name, sql.replace(right, wrong))
    async with busy.changed("SELECT 1") as tx:
        found = await found_in(tx)
    assert found is not None
    assert said in str(found.difference)


async def test_what_is_written_meanwhile_is_no_difference(gate: Gate) -> None:
    everybody = await people(gate, 6)
    await happen(gate, everybody, seed=7, actions=100)
    async with trio.open_nursery() as nursery:

        async def go_on() -> None:
            for seed in range(1000):
                await happen(gate, everybody, seed, actions=40)

        nursery.start_soon(go_on)
        for _ in range(scale(3)):
            await looked_through(gate)
        nursery.cancel_scope.cancel()


async def interrupted(
    gate: Gate, story: Story, monkeypatch: pytest.MonkeyPatch, *, snapshot: bool
) -> Outcome | None:
    """Ana writes to Ben just when his list is asked for."""

    async def asked(tx: Transaction, asker: Actor, command: ListConversations) -> object:
        message = SendMessage(to=story.ben.user_id, text="psst", client_id=new_id())
        await gate.perform(send_message, story.ana, message)
        return await list_conversations(tx, asker, command)

    monkeypatch.setattr(verify_marks, "list_conversations", asked)
    async with gate.database.transaction(read_only=snapshot) as tx:
        return await found_in(tx)


async def test_a_message_in_the_middle_of_it_is_none_either(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await interrupted(gate, await Story.told(gate), monkeypatch, snapshot=True) is None


async def test_without_one_snapshot_it_would_be(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await interrupted(gate, await Story.told(gate), monkeypatch, snapshot=False)
    assert found is not None
    assert "the lists of" in found.check.holds


async def test_what_was_forgotten_in_time_is_not_missed(gate: Gate) -> None:
    """A month goes by, then Ana writes again, and what is older than that is forgotten."""
    story = await Story.told(gate)
    async with gate.database.transaction() as tx:
        for age in AGE:
            await tx.run(age)
    message = SendMessage(to=story.ben.user_id, text="still there?", client_id=new_id())
    await gate.perform(send_message, story.ana, message)
    async with gate.database.transaction() as tx:
        assert await forget_old_entries(tx)

    await looked_through(gate)


async def test_rows_that_cannot_be_read_are_a_difference_too(gate: Gate) -> None:
    await Story.told(gate)
    async with gate.database.transaction() as tx:
        await tx.run("UPDATE journal SET body = '{\"seq\": \"x\"}' WHERE kind = 'new_message'")

    with pytest.raises(Stop, match="first difference: a row cannot be read") as ended:
        await looked_through(gate)
    assert ended.value.code == 1


async def test_a_check_without_end_is_no_verdict(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sleep(tx: Transaction) -> str | None:
        return str(await tx.value("SELECT pg_sleep(60)"))

    endless = Check(holds="nothing", tables=(), first=sleep)
    monkeypatch.setattr(ops.verify, "CHECKS", (endless,))
    monkeypatch.setattr(ops.verify, "LIMITS", Limits(statement_seconds=0.2))
    with pytest.raises(Stop, match="nothing is known") as ended:
        await looked_through(gate)
    assert ended.value.code == 2


async def test_the_difference_ends_it_with_a_sentence_and_a_code(
    gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    story = await Story.told(gate)
    async with gate.database.transaction() as tx:
        await tx.run("DELETE FROM messages WHERE conversation_id = $1 AND seq = 2", story.direct)

    with pytest.raises(Stop, match=f"first difference: conversation {story.direct} says") as ended:
        await looked_through(gate)

    assert ended.value.code == 1
    assert capsys.readouterr().out.startswith("NO  each conversation's messages are numbered")


AGE = (
    "UPDATE journal SET at = at - interval '31 days'",
    "UPDATE messages SET created_at = created_at - interval '31 days'",
    "UPDATE conversations SET last_activity_at = last_activity_at - interval '31 days'",
    "UPDATE members SET joined_at = joined_at - interval '31 days',"
    " read_at = read_at - interval '31 days', delivered_at = delivered_at - interval '31 days'",
)
