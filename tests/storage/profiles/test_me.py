from __future__ import annotations

from typing import Any

import asyncpg
import msgspec
import pytest

from storage.database import Transaction
from storage.domains.profiles import (
    UpdateProfile,
    UpdateSettings,
    get_me,
    get_settings,
    update_profile,
    update_settings,
)
from storage.errors import Conflict, InvalidInput
from storage.gate import Gate
from storage.journal import user_topic
from storage.words import Nothing
from tests.storage.friends.people import People
from tests.world import World


async def test_ana_reads_her_own_profile(tx: Transaction, people: People) -> None:
    me = await get_me(tx, people.ana, Nothing())

    assert (me.handle, me.name, me.email, me.role) == ("ana", "Ana", "ana@example.test", "user")
    assert (me.bio, me.location, me.website, me.topic_seq) == ("", "", "", 0)
    assert me.settings == await get_settings(tx, people.ana, Nothing())
    assert msgspec.to_builtins(me.settings) == {
        "messagesFrom": "everyone",
        "presenceTo": "contacts",
        "profileVisibility": "public",
        "theme": "system",
        "language": "en",
    }


async def test_what_is_given_changes_and_is_told(tx: Transaction, people: People) -> None:
    change = UpdateProfile(
        name=" Ana  Ruiz ",
        handle="Ana.Ruiz",
        bio="I row.\r\n\r\nOn  rivers. ",
        location=" Oslo ",
        website="https://ana.example/row?x=1",
    )
    me = await update_profile(tx, people.ana, change)

    assert (me.name, me.handle, me.location) == ("Ana Ruiz", "ana.ruiz", "Oslo")
    assert (me.bio, me.website) == ("I row.\n\nOn rivers.", "https://ana.example/row?x=1")
    [(topic, event)] = tx.emitted
    assert topic == user_topic(people.ana.user_id)
    told: dict[str, Any] = msgspec.to_builtins(event)
    shown: dict[str, Any] = msgspec.to_builtins(me)
    assert told == {field: value for field, value in shown.items() if field != "topicSeq"}
    assert me == await get_me(tx, people.ana, Nothing())


async def test_nothing_clears_and_absent_leaves(tx: Transaction, people: People) -> None:
    await update_profile(tx, people.ana, UpdateProfile(bio="I row", location="Oslo"))
    me = await update_profile(tx, people.ana, UpdateProfile(bio=""))
    assert (me.bio, me.location, me.name) == ("", "Oslo", "Ana")


async def test_the_same_again_tells_nobody(tx: Transaction, people: People) -> None:
    await update_profile(tx, people.ana, UpdateProfile(name="Ana"))
    await update_profile(tx, people.ana, UpdateProfile())
    await update_settings(tx, people.ana, UpdateSettings(theme="system"))
    assert tx.emitted == []


async def test_a_handle_that_is_taken_is_refused(gate: Gate, world: World) -> None:
    with pytest.raises(Conflict, match=r"^handle"):
        await gate.perform(update_profile, world.ana, UpdateProfile(handle="BEN"))
    assert (await gate.perform(get_me, world.ana, Nothing())).handle == "ana"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("handle", "a b"),
        ("bio", "a\x00b"),
        ("bio", "a\x07b"),
        ("bio", "line\n" * 51 + "last"),
        ("bio", "a" * 501),
        ("location", "Os\nlo"),
        ("location", "a" * 101),
        ("website", "ana.example"),
        ("website", "javascript:alert(1)"),
        ("website", "data:text/html,x"),
        ("website", "https://"),
        ("website", "https://bank.example@eve.example"),
        ("website", "https://bank.example\\@eve.example"),
        ("website", "https://ana.example/a b"),
        ("website", "https://ana.example/\x00"),
        ("website", "https://ana.example:99999"),
        ("website", "http://[::1"),
        ("website", "https://ana.example/" + "a" * 200),
    ],
)
async def test_a_wrong_field_is_refused_by_its_name(
    tx: Transaction, people: People, field: str, value: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await update_profile(tx, people.ana, UpdateProfile(**{field: value}))
    assert refused.value.subject == field


@pytest.mark.parametrize(
    "body", [{"name": None}, {"bio": 1}, {"role": "admin"}, {"email": "x@example.test"}]
)
def test_what_is_no_field_of_a_profile_is_not_taken(body: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, UpdateProfile)


async def test_settings_change_one_by_one_and_are_told(tx: Transaction, people: People) -> None:
    await update_settings(tx, people.ana, UpdateSettings(theme="dark"))
    settings = await update_settings(tx, people.ana, UpdateSettings(profile_visibility="private"))

    assert (settings.theme, settings.profile_visibility) == ("dark", "private")
    assert settings == await get_settings(tx, people.ana, Nothing())
    topics, events = zip(*tx.emitted, strict=True)
    assert set(topics) == {user_topic(people.ana.user_id)}
    assert [msgspec.to_builtins(event)["theme"] for event in events] == ["dark", "dark"]
    assert msgspec.to_builtins(events[-1]) == msgspec.to_builtins(settings)


async def test_ana_s_language_is_one_that_there_is(tx: Transaction, people: People) -> None:
    settings = await update_settings(tx, people.ana, UpdateSettings(language="de"))

    assert settings.language == "de"
    assert (await get_me(tx, people.ana, Nothing())).settings.language == "de"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"language": "tlh"}, UpdateSettings)


async def test_a_language_s_row_keeps_only_codes(tx: Transaction, people: People) -> None:
    """Another language needs no migration, but a name or a tag of a region is none."""
    for wrong in ("", "German", "de-AT"):
        with pytest.raises(asyncpg.CheckViolationError):
            async with tx.savepoint():
                await tx.run("UPDATE users SET language = $1", wrong)
    await tx.run("UPDATE users SET language = 'fr'")


async def test_me_says_up_to_where_it_knows(gate: Gate, world: World) -> None:
    await gate.perform(update_settings, world.ana, UpdateSettings(theme="dark"))
    assert (await gate.perform(get_me, world.ana, Nothing())).topic_seq == 1
