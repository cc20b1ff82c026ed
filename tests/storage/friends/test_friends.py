from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from storage.action import Action
from storage.actor import Actor
from storage.database import Transaction
from storage.domains.friends import (
    ListFriends,
    OtherUser,
    accept_friend,
    block_user,
    cancel_friend_request,
    decline_friend,
    list_blocks,
    list_friend_requests,
    list_friends,
    remove_friend,
    request_friend,
    unblock_user,
)
from storage.domains.friends import friendships as friendships_module
from storage.domains.friends import requests as requests_module
from storage.errors import Conflict, InvalidInput, NotFound
from storage.ids import UserId, new_id
from storage.words import Nothing
from tests.storage.friends.people import People, told

COMMANDS: Sequence[Action[..., Any]] = [
    request_friend,
    accept_friend,
    decline_friend,
    cancel_friend_request,
    remove_friend,
]


async def ask(tx: Transaction, actor: Actor, other: Actor) -> str:
    answer = await request_friend(tx, actor, OtherUser(user_id=other.user_id))
    return answer.friendship


async def friends_of(tx: Transaction, actor: Actor) -> list[str]:
    page = await list_friends(tx, actor, ListFriends())
    return [user.handle for user in page.users]


async def test_ana_asks_and_ben_accepts(tx: Transaction, people: People) -> None:
    ana, ben = people.ana, people.ben
    assert await ask(tx, ana, ben) == "requested"
    assert told(tx, ana) == [("friend_requested", "ben", "outgoing")]
    assert told(tx, ben) == [("friend_requested", "ana", "incoming")]
    requests = await list_friend_requests(tx, ben, Nothing())
    assert [request.user.handle for request in requests.incoming] == ["ana"]

    tx.emitted.clear()
    answer = await accept_friend(tx, ben, OtherUser(user_id=ana.user_id))
    assert answer.friendship == "friends"
    assert told(tx, ana) == [("friend_added", "ben")]
    assert told(tx, ben) == [("friend_added", "ana")]
    assert (await friends_of(tx, ana), await friends_of(tx, ben)) == (["ben"], ["ana"])
    requests = await list_friend_requests(tx, ben, Nothing())
    assert (requests.incoming, requests.outgoing) == ([], [])


async def test_two_who_ask_each_other_are_friends(tx: Transaction, people: People) -> None:
    await ask(tx, people.ana, people.ben)
    assert await ask(tx, people.ben, people.ana) == "friends"
    assert await friends_of(tx, people.ana) == ["ben"]


@pytest.mark.parametrize(
    ("ends", "by"), [(decline_friend, "ben"), (cancel_friend_request, "ana")], ids=["no", "back"]
)
async def test_a_request_can_be_declined_and_taken_back(
    tx: Transaction, people: People, ends: Action[..., Any], by: str
) -> None:
    await ask(tx, people.ana, people.ben)
    tx.emitted.clear()
    actor, other = (people.ben, people.ana) if by == "ben" else (people.ana, people.ben)
    answer = await ends(tx, actor, OtherUser(user_id=other.user_id))

    assert answer.friendship == "none"
    assert told(tx, people.ana) == [("friend_request_removed", people.ben.user_id)]
    assert told(tx, people.ben) == [("friend_request_removed", people.ana.user_id)]
    assert await ask(tx, people.ana, people.ben) == "requested"


async def test_only_the_one_who_was_asked_accepts_or_declines(
    tx: Transaction, people: People
) -> None:
    await ask(tx, people.ana, people.ben)
    about_ben = OtherUser(user_id=people.ben.user_id)
    with pytest.raises(NotFound, match="friendRequest"):
        await accept_friend(tx, people.ana, about_ben)
    assert (await decline_friend(tx, people.ana, about_ben)).friendship == "requested"
    about_ana = OtherUser(user_id=people.ana.user_id)
    assert (await cancel_friend_request(tx, people.ben, about_ana)).friendship == "incoming"


async def test_a_friendship_ends_for_both(tx: Transaction, people: People) -> None:
    await people.befriend(tx, people.ana, people.ben)
    answer = await remove_friend(tx, people.ben, OtherUser(user_id=people.ana.user_id))

    assert answer.friendship == "none"
    assert told(tx, people.ana) == [("friend_removed", people.ben.user_id)]
    assert told(tx, people.ben) == [("friend_removed", people.ana.user_id)]
    assert (await friends_of(tx, people.ana), await friends_of(tx, people.ben)) == ([], [])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
async def test_everything_may_be_repeated_and_tells_nobody_twice(
    tx: Transaction, people: People, command: Action[..., Any]
) -> None:
    if command in (accept_friend, decline_friend):
        await ask(tx, people.ben, people.ana)
    if command is cancel_friend_request:
        await ask(tx, people.ana, people.ben)
    if command is remove_friend:
        await people.befriend(tx, people.ana, people.ben)
    first = await command(tx, people.ana, OtherUser(user_id=people.ben.user_id))
    tx.emitted.clear()
    again = await command(tx, people.ana, OtherUser(user_id=people.ben.user_id))

    assert first == again
    assert tx.emitted == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
async def test_nobody_is_a_friend_of_themselves(
    tx: Transaction, people: People, command: Action[..., Any]
) -> None:
    with pytest.raises(InvalidInput, match="userId"):
        await command(tx, people.ana, OtherUser(user_id=people.ana.user_id))


async def test_whom_one_cannot_see_one_cannot_ask(tx: Transaction, people: People) -> None:
    await people.set(tx, people.ben, profile_visibility="private")
    await people.block(tx, people.chloe, people.ana)
    hidden = [people.ben.user_id, people.chloe.user_id, UserId(new_id())]
    for user_id in hidden:
        with pytest.raises(NotFound, match=r"^user$"):
            await request_friend(tx, people.ana, OtherUser(user_id=user_id))
        for ends in (decline_friend, cancel_friend_request, remove_friend):
            answer = await ends(tx, people.ana, OtherUser(user_id=user_id))
            assert answer.friendship == "none"
    assert tx.emitted == []


async def test_somebody_private_who_asks_can_be_accepted(tx: Transaction, people: People) -> None:
    await people.set(tx, people.ana, profile_visibility="private")
    await ask(tx, people.ana, people.ben)
    assert await ask(tx, people.ben, people.ana) == "friends"


async def test_friends_are_listed_by_handle_in_pages(tx: Transaction, people: People) -> None:
    for friend in (people.chloe, people.ben, people.eve):
        await people.befriend(tx, people.ana, friend)
    first = await list_friends(tx, people.ana, ListFriends(limit=2))
    rest = await list_friends(tx, people.ana, ListFriends(limit=2, cursor=first.next_cursor))

    assert [user.handle for user in first.users] == ["ben", "chloe"]
    assert [user.handle for user in rest.users] == ["eve"]
    assert rest.next_cursor is None


@pytest.mark.parametrize("cursor", ["x", "WyJcdTAwMDAiXQ", "W10", "é", "bnVsbA"])
async def test_a_cursor_of_ones_own_making_is_refused(
    tx: Transaction, people: People, cursor: str
) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        await list_friends(tx, people.ana, ListFriends(cursor=cursor))


async def test_neither_may_have_more_friends_than_the_most(
    tx: Transaction, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(friendships_module, "FRIENDS_MAX", 1)
    await people.befriend(tx, people.ben, people.chloe)
    await ask(tx, people.ana, people.ben)
    with pytest.raises(Conflict, match="friends"):
        await accept_friend(tx, people.ben, OtherUser(user_id=people.ana.user_id))


async def test_only_so_many_requests_may_wait(
    tx: Transaction, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests_module, "OUTGOING_REQUESTS_MAX", 1)
    await ask(tx, people.ana, people.ben)
    with pytest.raises(Conflict, match="friendRequests"):
        await ask(tx, people.ana, people.chloe)
    assert await ask(tx, people.ana, people.ben) == "requested"


async def test_a_block_ends_friendship_and_hides(tx: Transaction, people: People) -> None:
    await people.befriend(tx, people.ana, people.eve)
    answer = await block_user(tx, people.ana, OtherUser(user_id=people.eve.user_id))

    assert answer.blocked
    assert told(tx, people.ana) == [
        ("friend_removed", people.eve.user_id),
        ("user_blocked", "eve"),
    ]
    assert told(tx, people.eve) == [("friend_removed", people.ana.user_id)]
    for actor, other in ((people.ana, people.eve), (people.eve, people.ana)):
        assert await friends_of(tx, actor) == []
        with pytest.raises(NotFound, match=r"^user$"):
            await ask(tx, actor, other)


async def test_a_block_ends_a_request_whoever_asked(tx: Transaction, people: People) -> None:
    await ask(tx, people.eve, people.ana)
    await ask(tx, people.ana, people.chloe)
    for other in (people.eve, people.chloe):
        await block_user(tx, people.ana, OtherUser(user_id=other.user_id))
        requests = await list_friend_requests(tx, other, Nothing())
        assert (requests.incoming, requests.outgoing) == ([], [])


async def test_blocks_are_listed_undone_and_repeatable(tx: Transaction, people: People) -> None:
    eve = OtherUser(user_id=people.eve.user_id)
    for _ in range(2):
        await block_user(tx, people.ana, eve)
    blocks = await list_blocks(tx, people.ana, Nothing())
    assert [user.handle for user in blocks.users] == ["eve"]
    for _ in range(2):
        assert not (await unblock_user(tx, people.ana, eve)).blocked

    assert told(tx, people.ana) == [("user_blocked", "eve"), ("user_unblocked", "eve")]
    assert told(tx, people.eve) == []
    assert (await list_blocks(tx, people.ana, Nothing())).users == []
    assert await ask(tx, people.ana, people.eve) == "requested"


async def test_the_private_can_be_blocked_and_nobody_else_unseen(
    tx: Transaction, people: People
) -> None:
    await people.set(tx, people.eve, profile_visibility="private")
    await block_user(tx, people.ana, OtherUser(user_id=people.eve.user_id))
    await people.block(tx, people.chloe, people.ana)
    for user_id in (people.chloe.user_id, UserId(new_id())):
        with pytest.raises(NotFound, match=r"^user$"):
            await block_user(tx, people.ana, OtherUser(user_id=user_id))
