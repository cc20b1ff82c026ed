from __future__ import annotations

import pytest

from storage.actor import Actor
from storage.database import Transaction
from storage.domains.messaging import (
    ListMessages,
    OpenDirect,
    SendMessage,
    list_messages,
    open_direct,
    send_message,
)
from storage.domains.messaging.send import send_many
from storage.errors import Conflict, Forbidden, InvalidInput, NotFound, Refusal
from storage.ids import ConversationId, UserId, new_id
from tests.storage.messaging.conftest import Talk, emitted, say
from tests.world import block, make_friends, person


async def test_messages_are_numbered_without_gaps_and_told_in_order(
    tx: Transaction, talk: Talk
) -> None:
    sent = await say(tx, talk.ben, "four", into=talk.id)

    assert sent.seq == 4
    [(topic, message)] = emitted(tx, "new_message")
    assert (topic, message.seq, message.text) == (talk.topic, 4, "four")
    assert (message.id, message.created_at) == (sent.id, sent.created_at)


async def test_a_retry_gets_the_first_answer_and_sends_nothing(tx: Transaction, talk: Talk) -> None:
    command = SendMessage(conversation_id=talk.id, text="once", client_id=new_id())
    first = await send_message(tx, talk.ana, command)
    again = await send_message(tx, talk.ana, command)

    assert again == first
    assert len(emitted(tx, "new_message")) == 1


async def test_the_same_client_id_for_another_message_is_a_conflict(
    tx: Transaction, talk: Talk
) -> None:
    command = SendMessage(conversation_id=talk.id, text="once", client_id=new_id())
    await send_message(tx, talk.ana, command)
    other = SendMessage(conversation_id=talk.id, text="twice", client_id=command.client_id)
    with pytest.raises(Conflict, match="clientId"):
        await send_message(tx, talk.ana, other)


async def test_ben_may_use_the_client_id_that_ana_used(tx: Transaction, talk: Talk) -> None:
    command = SendMessage(conversation_id=talk.id, text="once", client_id=new_id())
    from_ana = await send_message(tx, talk.ana, command)
    from_ben = await send_message(tx, talk.ben, command)
    assert (from_ana.seq, from_ben.seq) == (4, 5)


async def test_one_refusal_in_a_batch_never_fails_a_neighbour(tx: Transaction, talk: Talk) -> None:
    twice = SendMessage(conversation_id=talk.id, text="twice", client_id=new_id())
    batch: list[tuple[Actor, SendMessage]] = [
        (talk.ana, SendMessage(conversation_id=talk.id, text="a", client_id=new_id())),
        (talk.eve, SendMessage(conversation_id=talk.id, text="b", client_id=new_id())),
        (talk.ben, twice),
        (talk.ana, SendMessage(conversation_id=talk.id, text=" ", client_id=new_id())),
        (talk.ben, twice),
        (talk.ana, SendMessage(text="nowhere", client_id=new_id())),
        (talk.eve, SendMessage(to=talk.ana.user_id, text="hello", client_id=new_id())),
    ]
    answers = await send_many(tx, batch)

    assert [answer.code if isinstance(answer, Refusal) else answer.seq for answer in answers] == [
        4,
        "not_found",
        5,
        "invalid_input",
        5,
        "invalid_input",
        1,
    ]


async def test_strangers_and_missing_conversations_get_one_answer(
    tx: Transaction, talk: Talk
) -> None:
    for sender, conversation_id in [
        (talk.eve, talk.id),
        (talk.ana, ConversationId(new_id())),
    ]:
        with pytest.raises(NotFound, match=r"^conversation$"):
            await say(tx, sender, "hello?", into=conversation_id)


async def test_the_other_hears_of_a_conversation_with_its_first_message(
    tx: Transaction, talk: Talk
) -> None:
    opened = await open_direct(tx, talk.eve, OpenDirect(user_id=talk.ben.user_id))
    assert [topic for topic, _ in emitted(tx, "conversation_added")] == [f"user:{talk.eve.user_id}"]
    tx.emitted.clear()

    await say(tx, talk.eve, "hello", into=opened.id)
    await say(tx, talk.eve, "are you there?", into=opened.id)

    [(topic, added)] = emitted(tx, "conversation_added")
    assert topic == f"user:{talk.ben.user_id}"
    assert (added.from_seq, added.conversation.last_message) == (0, None), "the message follows"
    assert added.conversation.unread_count == 0


async def test_there_is_one_conversation_for_each_pair(tx: Transaction, talk: Talk) -> None:
    for opener, other in [(talk.ana, talk.ben), (talk.ben, talk.ana)]:
        opened = await open_direct(tx, opener, OpenDirect(user_id=other.user_id))
        assert opened.id == talk.id
    assert (await say(tx, talk.ben, "hi", to=talk.ana)).conversation_id == talk.id


async def test_one_cannot_write_to_oneself_or_to_nobody(tx: Transaction, talk: Talk) -> None:
    with pytest.raises(InvalidInput, match="somebody else"):
        await open_direct(tx, talk.ana, OpenDirect(user_id=talk.ana.user_id))
    with pytest.raises(NotFound, match=r"^user$"):
        await open_direct(tx, talk.ana, OpenDirect(user_id=UserId(new_id())))


async def test_a_block_stops_messages_both_ways_and_hides_who_blocked(
    tx: Transaction, talk: Talk
) -> None:
    await block(tx, talk.ben, talk.ana)
    for sender in (talk.ana, talk.ben):
        with pytest.raises(Forbidden):
            await say(tx, sender, "hello", into=talk.id)
    await block(tx, talk.eve, talk.ana)
    with pytest.raises(NotFound, match=r"^user$"):
        await say(tx, talk.ana, "hello", to=talk.eve)


async def test_who_accepts_friends_only_hears_from_friends_only(
    tx: Transaction, talk: Talk
) -> None:
    chloe = await person(tx, "Chloe")
    await tx.run("UPDATE users SET messages_from = 'friends' WHERE id = $1", chloe.user_id)
    with pytest.raises(Forbidden):
        await say(tx, talk.ana, "hello", to=chloe)
    await make_friends(tx, talk.ana, chloe)
    assert (await say(tx, talk.ana, "hello", to=chloe)).seq == 1


@pytest.mark.parametrize("text", [" ", "\n\n", "\u200b", "\u2060 \u00ad"])
async def test_what_nobody_could_see_is_not_sent(tx: Transaction, talk: Talk, text: str) -> None:
    with pytest.raises(InvalidInput, match="text"):
        await say(tx, talk.ana, text, into=talk.id)
    assert (await say(tx, talk.ana, "👩‍👩‍👧", into=talk.id)).seq == 4


async def test_only_the_author_sees_their_client_id(tx: Transaction, talk: Talk) -> None:
    command = ListMessages(conversation_id=talk.id)
    seen_by_ana = await list_messages(tx, talk.ana, command)
    seen_by_ben = await list_messages(tx, talk.ben, command)
    assert all(message.client_id for message in seen_by_ana.messages)
    assert not any(message.client_id for message in seen_by_ben.messages)


async def test_nothing_begins_with_a_message_that_is_refused(tx: Transaction, talk: Talk) -> None:
    used = SendMessage(conversation_id=talk.id, text="once", client_id=new_id())
    await send_message(tx, talk.ana, used)
    tx.emitted.clear()
    to_eve = SendMessage(to=talk.eve.user_id, text="once", client_id=used.client_id)
    with pytest.raises(Conflict, match="clientId"):
        await send_message(tx, talk.ana, to_eve)
    assert tx.emitted == []
    assert await tx.value("SELECT count(*) FROM conversations WHERE last_seq = 0") == 0
