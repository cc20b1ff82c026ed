from __future__ import annotations

import pytest

from storage.database import Transaction
from storage.domains.messaging import MarkDelivered, MarkRead, mark_delivered, mark_read
from storage.domains.messaging.groups import CreateGroup, create_group
from storage.domains.messaging.marks import MessagesDelivered, mark_read_many
from storage.errors import InvalidInput, NotFound, Refusal
from storage.ids import ConversationId, new_id
from tests.storage.messaging.conftest import Talk, emitted, say
from tests.world import person


async def test_a_slow_device_cannot_move_the_mark_back(tx: Transaction, talk: Talk) -> None:
    await mark_read(tx, talk.ben, MarkRead(conversation_id=talk.id, seq=3))
    mark = await mark_read(tx, talk.ben, MarkRead(conversation_id=talk.id, seq=1))

    assert (mark.read_seq, mark.unread_count) == (3, 0)
    [(topic, moved)] = emitted(tx, "messages_read")
    assert (topic, moved.user_id, moved.seq) == (talk.topic, talk.ben.user_id, 3)


async def test_reading_says_what_is_left_and_sending_does_not_move_ones_own_mark(
    tx: Transaction, talk: Talk
) -> None:
    mark = await mark_read(tx, talk.ben, MarkRead(conversation_id=talk.id, seq=1))
    assert (mark.read_seq, mark.unread_count) == (1, 2)
    await say(tx, talk.ben, "wait", into=talk.id)
    mark = await mark_read(tx, talk.ben, MarkRead(conversation_id=talk.id, seq=1))
    assert (mark.read_seq, mark.unread_count) == (1, 2), "one's own words are not unread"


async def test_what_is_read_is_delivered_and_said_once(tx: Transaction, talk: Talk) -> None:
    await mark_delivered(tx, talk.ben, MarkDelivered(conversation_id=talk.id, seq=2))
    await mark_read(tx, talk.ben, MarkRead(conversation_id=talk.id, seq=3))
    mark = await mark_delivered(tx, talk.ben, MarkDelivered(conversation_id=talk.id, seq=1))

    assert mark.delivered_seq == 3
    kinds = [getattr(event, "kind", "") for _, event in tx.emitted]
    assert kinds == ["messages_delivered", "messages_read"]


@pytest.mark.parametrize("seq", [4, 2**40])
async def test_a_message_that_does_not_exist_cannot_be_read(
    tx: Transaction, talk: Talk, seq: int
) -> None:
    with pytest.raises(InvalidInput, match=r"^seq no such message$"):
        await mark_read(tx, talk.ben, MarkRead(conversation_id=talk.id, seq=seq))
    assert tx.emitted == []


async def test_a_stranger_learns_nothing(tx: Transaction, talk: Talk) -> None:
    missing_id = ConversationId(new_id())
    for reader, conversation_id in [(talk.eve, talk.id), (talk.ana, missing_id)]:
        with pytest.raises(NotFound, match=r"^conversation$"):
            await mark_read(tx, reader, MarkRead(conversation_id=conversation_id, seq=1))
        with pytest.raises(NotFound, match=r"^conversation$"):
            await mark_delivered(tx, reader, MarkDelivered(conversation_id=conversation_id, seq=1))


async def test_in_one_batch_everybody_gets_their_own_answer(tx: Transaction, talk: Talk) -> None:
    answers = await mark_read_many(
        tx,
        [
            (talk.ben, MarkRead(conversation_id=talk.id, seq=1)),
            (talk.eve, MarkRead(conversation_id=talk.id, seq=1)),
            (talk.ben, MarkRead(conversation_id=talk.id, seq=9)),
            (talk.ben, MarkRead(conversation_id=talk.id, seq=3)),
            (talk.ana, MarkRead(conversation_id=talk.id, seq=2)),
        ],
    )
    codes = [answer.code if isinstance(answer, Refusal) else answer.read_seq for answer in answers]
    assert codes == [3, "not_found", "invalid_input", 3, 2], "a batch answers with where it ended"
    assert len(emitted(tx, "messages_read")) == 2


async def test_in_a_crowd_only_ones_own_devices_hear_of_a_mark(tx: Transaction, talk: Talk) -> None:
    others = [await person(tx, f"Person{number}") for number in range(50)]
    group = await create_group(
        tx,
        talk.ana,
        CreateGroup(name="Crowd", user_ids=[other.user_id for other in others], client_id=new_id()),
    )
    sent = await say(tx, talk.ana, "hello all", into=group.id)
    tx.emitted.clear()

    await mark_read(tx, others[0], MarkRead(conversation_id=group.id, seq=sent.seq))
    await mark_delivered(tx, others[1], MarkDelivered(conversation_id=group.id, seq=sent.seq))

    assert [topic for topic, _ in tx.emitted] == [
        f"user:{others[0].user_id}",
        f"user:{others[1].user_id}",
    ]
    assert isinstance(tx.emitted[1][1], MessagesDelivered)
