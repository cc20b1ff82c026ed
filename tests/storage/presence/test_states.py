"""Whose presence somebody may know: every setting with every relation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest

from storage.actor import Actor
from storage.database import Transaction
from storage.domains import presence
from storage.domains.presence import PresentState, SetPresence, WatchPresence
from storage.ids import ConversationId, UserId, new_id
from tests.world import block, make_friends, person

Relation: TypeAlias = Callable[[Transaction, Actor, Actor], Awaitable[None]]


async def strangers(tx: Transaction, ana: Actor, ben: Actor) -> None:
    pass


async def friends(tx: Transaction, ana: Actor, ben: Actor) -> None:
    await make_friends(tx, ana, ben)


async def writing(tx: Transaction, ana: Actor, ben: Actor) -> None:
    """Something was said in a direct conversation of the two."""
    await direct(tx, ana, ben, last_seq=1)


async def opened(tx: Transaction, ana: Actor, ben: Actor) -> None:
    """Ana has opened a conversation with Ben, and said nothing."""
    await direct(tx, ana, ben, last_seq=0)


async def blocking(tx: Transaction, ana: Actor, ben: Actor) -> None:
    await writing(tx, ana, ben)
    await block(tx, ana, ben)


async def blocked(tx: Transaction, ana: Actor, ben: Actor) -> None:
    await writing(tx, ana, ben)
    await block(tx, ben, ana)


async def direct(tx: Transaction, ana: Actor, ben: Actor, *, last_seq: int) -> ConversationId:
    conversation_id = ConversationId(new_id())
    low, high = sorted([ana.user_id, ben.user_id])
    add = """
        INSERT INTO conversations (id, kind, created_by, direct_low, direct_high, last_seq)
        VALUES ($1, 'direct', $2, $3, $4, $5)
    """
    await tx.run(add, conversation_id, ana.user_id, low, high, last_seq)
    return conversation_id


RELATIONS = [strangers, friends, writing, opened, blocking, blocked]
SEES: dict[str, set[Relation]] = {
    "contacts": {friends, writing},
    "friends": {friends},
    "nobody": set(),
}


@pytest.mark.parametrize("setting", SEES)
@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.__name__)
async def test_ana_knows_of_ben_what_ben_allows(
    tx: Transaction, setting: str, relation: Relation
) -> None:
    ana, ben = await person(tx, "Ana"), await person(tx, "Ben")
    await relation(tx, ana, ben)
    await tx.run("UPDATE users SET presence_to = $2 WHERE id = $1", ben.user_id, setting)
    await presence.save(tx, new_id(), {ben.user_id: "online"})
    command = WatchPresence(user_ids=[ben.user_id])
    [told] = (await presence.watch_presence(tx, ana, command)).presence
    if relation in SEES[setting]:
        assert told.state == "online"
        assert told.last_active_at is not None
    else:
        assert (told.state, told.last_active_at) == ("offline", None)


async def test_one_always_knows_of_oneself(tx: Transaction) -> None:
    ana = await person(tx, "Ana")
    await tx.run("UPDATE users SET presence_to = 'nobody' WHERE id = $1", ana.user_id)
    await presence.save(tx, new_id(), {ana.user_id: "away"})
    [told] = (
        await presence.watch_presence(tx, ana, WatchPresence(user_ids=[ana.user_id]))
    ).presence
    assert told.state == "away"


async def test_who_does_not_exist_is_offline(tx: Transaction) -> None:
    ana, nobody = await person(tx, "Ana"), UserId(new_id())
    answer = await presence.watch_presence(tx, ana, WatchPresence(user_ids=[nobody, nobody]))
    assert [(told.user_id, told.state) for told in answer.presence] == [(nobody, "offline")]


async def test_saying_that_one_is_active_makes_one_active_not_present(tx: Transaction) -> None:
    ana = await person(tx, "Ana")
    steps: list[tuple[PresentState, bool]] = [("away", False), ("online", True), ("online", True)]
    for state, is_known in steps:
        await presence.set_presence(tx, ana, SetPresence(state=state))
        [told] = await presence.presence_of(tx, [(ana.user_id, ana.user_id)])
        assert told.state == "offline"
        assert (told.last_active_at is not None) == is_known
