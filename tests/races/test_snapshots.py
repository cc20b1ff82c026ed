"""A reply and its `topicSeq` are of one moment, whatever is committed while it is put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from storage.database import Transaction, database
from storage.database.transaction import BEGIN_READ_ONLY
from storage.domains import messaging
from storage.domains.messaging import (
    GetConversation,
    ListConversations,
    ListMessages,
    SendMessage,
)
from storage.gate import Gate
from storage.ids import ConversationId, new_id
from storage.journal import conversation_topic
from tests.world import World

pytestmark = pytest.mark.race

Step = Callable[..., Awaitable[Any]]


@pytest.fixture
async def talk_id(gate: Gate, world: World) -> ConversationId:
    return await write(gate, world)


async def write(gate: Gate, world: World) -> ConversationId:
    command = SendMessage(to=world.ben.user_id, text="hello", client_id=new_id())
    return (await gate.perform(messaging.send_message, world.ana, command)).conversation_id


@pytest.fixture
def disturbed(
    gate: Gate, world: World, talk_id: ConversationId, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Ana says something before each statement but the first of every transaction that reads."""
    said: list[str] = []
    seen: set[Transaction] = set()
    is_writing = [False]

    def disturbing(step: Step) -> Step:
        async def run(tx: Transaction, sql: str, *values: object) -> Any:
            if not is_writing[0]:
                if tx in seen:
                    is_writing[0] = True
                    await write(gate, world)
                    is_writing[0] = False
                    said.append(sql)
                seen.add(tx)
            return await step(tx, sql, *values)

        return run

    for name in ("row", "rows", "value"):
        monkeypatch.setattr(Transaction, name, disturbing(getattr(Transaction, name)))
    return said


async def seqs_of_three_replies(
    gate: Gate, world: World, talk_id: ConversationId
) -> list[tuple[int, int]]:
    """In a talk of two each message is one entry: its number and the topic's are the same."""
    page = await gate.perform(
        messaging.list_messages, world.ben, ListMessages(conversation_id=talk_id)
    )
    listed = await gate.perform(messaging.list_conversations, world.ben, ListConversations())
    got = await gate.perform(
        messaging.get_conversation, world.ben, GetConversation(conversation_id=talk_id)
    )
    [one] = listed.conversations
    assert one.last_message is not None
    assert got.last_message is not None
    return [
        (page.messages[-1].seq, page.last_seq),
        (one.last_message.seq, listed.unread_total),
        (page.last_seq, page.topic_seq),
        (one.last_message.seq, listed.topics[conversation_topic(talk_id)]),
        (got.last_message.seq, got.topic_seq),
    ]


async def test_what_is_said_while_a_reply_is_read_is_in_it_whole_or_not_at_all(
    gate: Gate, world: World, talk_id: ConversationId, disturbed: list[str]
) -> None:
    replies = await seqs_of_three_replies(gate, world, talk_id)
    assert len(disturbed) > 6
    assert [last for last, _ in replies] == [tip for _, tip in replies]


async def test_without_one_snapshot_it_would_be_torn(
    gate: Gate,
    world: World,
    talk_id: ConversationId,
    disturbed: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torn = BEGIN_READ_ONLY.replace("REPEATABLE READ", "READ COMMITTED")
    monkeypatch.setattr(database, "BEGIN_READ_ONLY", torn)
    replies = await seqs_of_three_replies(gate, world, talk_id)
    assert [last for last, _ in replies] != [tip for _, tip in replies]
