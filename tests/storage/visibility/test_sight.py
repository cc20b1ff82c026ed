"""Who sees whom, as a table: every way in must agree with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from storage.actor import Actor
from storage.database import Transaction
from storage.domains.friends import OtherUser, request_friend
from storage.domains.visibility import (
    GetUser,
    Profile,
    SearchUsers,
    find_users,
    get_user,
    may_message,
    search_users,
    sees,
)
from storage.errors import NotFound
from storage.ids import UserId, new_id
from tests.storage.friends.people import People

# Ben's profile, what Ana is to him, and what of him she sees.
SIGHTS = [
    ("public", "stranger", "all"),
    ("public", "friend", "all"),
    ("public", "asked by him", "all"),
    ("public", "blocked by him", "nothing"),
    ("friends", "stranger", "name"),
    ("friends", "friend", "all"),
    ("friends", "asked by him", "name"),
    ("friends", "blocked by him", "nothing"),
    ("private", "stranger", "nothing"),
    ("private", "friend", "all"),
    ("private", "asked by him", "name"),
    ("private", "asked him", "nothing"),
    ("private", "blocked by him", "nothing"),
]


async def arrange(tx: Transaction, people: People, profile: str, relation: str) -> None:
    await tx.run("UPDATE users SET bio = 'I row', location = 'Oslo' WHERE handle = 'ben'")
    if relation == "friend":
        await people.befriend(tx, people.ana, people.ben)
    if relation == "asked by him":
        await request_friend(tx, people.ben, OtherUser(user_id=people.ana.user_id))
    if relation == "asked him":
        await request_friend(tx, people.ana, OtherUser(user_id=people.ben.user_id))
    if relation == "blocked by him":
        await people.block(tx, people.ben, people.ana)
    await people.set(tx, people.ben, profile_visibility=profile)


async def by_profile(tx: Transaction, ana: Actor, ben: Actor) -> Profile | None:
    try:
        return await get_user(tx, ana, GetUser(user_id=ben.user_id))
    except NotFound:
        return None


async def by_search(tx: Transaction, ana: Actor, ben: Actor) -> bool:
    page = await search_users(tx, ana, SearchUsers(query="ben"))
    return [user.id for user in page.users] == [ben.user_id]


async def by_finding(tx: Transaction, ana: Actor, ben: Actor) -> bool:
    return ben.user_id in await find_users(tx, ana.user_id, [ben.user_id, UserId(new_id())])


async def by_asking(tx: Transaction, ana: Actor, ben: Actor) -> bool:
    try:
        await request_friend(tx, ana, OtherUser(user_id=ben.user_id))
    except NotFound:
        return False
    return True


WAYS: list[Callable[[Transaction, Actor, Actor], Awaitable[bool]]] = [by_search, by_finding]


@pytest.mark.parametrize(("profile", "relation", "seen"), SIGHTS)
async def test_every_way_to_ben_shows_the_same_of_him(
    tx: Transaction, people: People, profile: str, relation: str, seen: str
) -> None:
    await arrange(tx, people, profile, relation)

    shown = await by_profile(tx, people.ana, people.ben)
    ways = {way.__name__: await way(tx, people.ana, people.ben) for way in WAYS}
    assert set(ways.values()) == {shown is not None} == {seen != "nothing"}
    if shown is not None:
        assert (shown.handle, shown.name) == ("ben", "Ben")
        details = ("I row", "Oslo", 0) if seen == "all" else (None, None, None)
        assert (shown.bio, shown.location, shown.mutual_friends) == details
    if relation != "asked him":
        assert await by_asking(tx, people.ana, people.ben) == (seen != "nothing")


async def test_a_leak_in_the_predicate_would_be_seen(tx: Transaction, people: People) -> None:
    """The control: without its blocks the predicate shows Ana the man who blocked her."""
    await arrange(tx, people, "public", "blocked by him")
    leaky = sees("$1", "person").replace("NOT (", "true OR NOT (")
    found = await tx.rows(
        f"SELECT FROM users AS person WHERE handle = 'ben' AND {leaky}", people.ana.user_id
    )
    assert len(found) == 1
    assert not await by_finding(tx, people.ana, people.ben)


async def test_whom_one_blocked_one_opens_only_to_undo_it(tx: Transaction, people: People) -> None:
    await arrange(tx, people, "public", "stranger")
    await people.block(tx, people.ana, people.ben)

    shown = await by_profile(tx, people.ana, people.ben)
    assert shown is not None
    assert (shown.blocked, shown.bio, shown.mutual_friends) == (True, None, None)
    assert (shown.friendship, shown.may_message) == ("none", False)
    assert not await by_search(tx, people.ana, people.ben)
    assert await by_profile(tx, people.ben, people.ana) is None


async def test_oneself_one_sees_whole_whatever_one_shows(tx: Transaction, people: People) -> None:
    await arrange(tx, people, "private", "stranger")
    shown = await by_profile(tx, people.ben, people.ben)

    assert shown is not None
    assert (shown.friendship, shown.bio, shown.mutual_friends) == ("self", "I row", None)
    assert not shown.may_message


async def test_friends_in_common_are_counted(tx: Transaction, people: People) -> None:
    for one in (people.ana, people.ben):
        await people.befriend(tx, one, people.chloe)
    await people.befriend(tx, people.ben, people.eve)
    shown = await by_profile(tx, people.ana, people.ben)

    assert shown is not None
    assert shown.mutual_friends == 1


@pytest.mark.parametrize(
    ("messages_from", "relation", "allowed"),
    [
        ("everyone", "stranger", True),
        ("everyone", "blocked by him", False),
        ("friends", "stranger", False),
        ("friends", "friend", True),
    ],
)
async def test_who_may_write_to_ben(
    tx: Transaction, people: People, messages_from: str, relation: str, allowed: bool
) -> None:
    await arrange(tx, people, "public", relation)
    await people.set(tx, people.ben, messages_from=messages_from)
    there = (people.ana.user_id, people.ben.user_id)
    nobody = (people.ana.user_id, UserId(new_id()))
    oneself = (people.ana.user_id, people.ana.user_id)

    assert (there in await may_message(tx, [there, nobody, oneself])) == allowed
    assert not await may_message(tx, [nobody, oneself])
    shown = await by_profile(tx, people.ana, people.ben)
    assert shown is None or shown.may_message == allowed


async def test_a_block_silences_both(tx: Transaction, people: People) -> None:
    await people.block(tx, people.ana, people.ben)
    there, back = (people.ana.user_id, people.ben.user_id), (people.ben.user_id, people.ana.user_id)
    assert await may_message(tx, [there, back]) == frozenset()
    assert await may_message(tx, []) == frozenset()
