from __future__ import annotations

import pytest

from storage import journal
from storage.actor import Actor
from storage.database import Transaction
from storage.domains.messaging import (
    GetConversation,
    ListConversations,
    ListMessages,
    MarkRead,
    OpenDirect,
    get_conversation,
    list_conversations,
    list_messages,
    mark_read,
    open_direct,
    subscriptions,
)
from storage.errors import InvalidInput, NotFound
from storage.pages import encode_cursor
from tests.storage.messaging.conftest import Talk, say
from tests.world import person


async def pages_of(tx: Transaction, talk: Talk, **span: int) -> list[str]:
    page = await list_messages(tx, talk.ben, ListMessages(conversation_id=talk.id, **span))
    edges = ("…" if page.has_before else "") + "|" + ("…" if page.has_after else "")
    return [*(message.text for message in page.messages), edges]


async def test_history_comes_in_pages_from_either_side(tx: Transaction, talk: Talk) -> None:
    assert await pages_of(tx, talk) == ["one", "two", "three", "|"]
    assert await pages_of(tx, talk, limit=2) == ["two", "three", "…|"]
    assert await pages_of(tx, talk, before=2, limit=2) == ["one", "|…"]
    assert await pages_of(tx, talk, after=1, limit=1) == ["two", "…|…"]
    assert await pages_of(tx, talk, after=3) == ["…|"]
    assert await pages_of(tx, talk, before=1) == ["|…"]


async def test_before_and_after_together_make_no_sense(tx: Transaction, talk: Talk) -> None:
    with pytest.raises(InvalidInput):
        await pages_of(tx, talk, before=3, after=1)


async def test_eve_reads_nothing(tx: Transaction, talk: Talk) -> None:
    with pytest.raises(NotFound, match=r"^conversation$"):
        await list_messages(tx, talk.eve, ListMessages(conversation_id=talk.id))
    with pytest.raises(NotFound, match=r"^conversation$"):
        await get_conversation(tx, talk.eve, GetConversation(conversation_id=talk.id))


async def test_the_list_shows_newest_first_with_last_message_and_unread(
    tx: Transaction, talk: Talk
) -> None:
    chloe = await person(tx, "Chloe")
    await say(tx, chloe, "hi Ben", to=talk.ben)
    await mark_read(tx, talk.ben, MarkRead(conversation_id=talk.id, seq=1))

    page = await list_conversations(tx, talk.ben, ListConversations())

    assert [found.last_message and found.last_message.text for found in page.conversations] == [
        "hi Ben",
        "three",
    ]
    assert [found.unread_count for found in page.conversations] == [1, 2]
    assert (page.unread_total, page.next_cursor) == (3, None)
    assert f"user:{talk.ben.user_id}" in page.topics
    assert [member.user.name for member in page.conversations[1].members] == ["Ana", "Ben"]


async def test_the_list_comes_in_pages_without_doubles(tx: Transaction, talk: Talk) -> None:
    for name in ("Chloe", "Dan", "Finn"):
        await say(tx, await person(tx, name), f"from {name}", to=talk.ben)
    seen, cursor = [], None
    while True:
        page = await list_conversations(tx, talk.ben, ListConversations(limit=2, cursor=cursor))
        seen += [found.last_message.text for found in page.conversations if found.last_message]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["from Finn", "from Dan", "from Chloe", "three"]


async def test_a_cursor_of_somebodys_own_making_is_refused(tx: Transaction, talk: Talk) -> None:
    beginning_of_time = encode_cursor("0001-01-01T00:00:00+14:00", talk.id)
    for cursor in ("x", "W10", "bm90IGpzb24", "é", beginning_of_time):
        with pytest.raises(InvalidInput, match="cursor"):
            await list_conversations(tx, talk.ben, ListConversations(cursor=cursor))


async def test_one_listens_to_oneself_and_to_ones_conversations(
    tx: Transaction, talk: Talk
) -> None:
    await say(tx, talk.ben, "four", into=talk.id)
    await journal.write(tx)
    found = await subscriptions(tx, [talk.ben.user_id, talk.eve.user_id])
    assert {one.topic for one in found[talk.ben.user_id]} == {
        f"user:{talk.ben.user_id}",
        talk.topic,
    }
    assert [one.topic for one in found[talk.eve.user_id]] == [f"user:{talk.eve.user_id}"]


async def test_who_is_about_to_write_to_ben_is_not_betrayed_to_him(
    tx: Transaction, talk: Talk
) -> None:
    opened = await open_direct(tx, talk.eve, OpenDirect(user_id=talk.ben.user_id))

    async def listens(actor: Actor) -> bool:
        found = await subscriptions(tx, [actor.user_id])
        return f"conversation:{opened.id}" in {one.topic for one in found[actor.user_id]}

    assert await listens(talk.eve)
    assert not await listens(talk.ben)
    await say(tx, talk.eve, "hello", to=talk.ben)
    await journal.write(tx)
    assert await listens(talk.ben)
