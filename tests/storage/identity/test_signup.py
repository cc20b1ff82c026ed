from __future__ import annotations

from typing import cast

import msgspec
import pytest

from storage.database import Database, DatabaseUnavailable
from storage.domains.identity import Signup, actor_of, signup
from storage.errors import Conflict, InvalidInput, Unauthenticated, Unavailable
from storage.gate import Gate
from tests.storage.identity.people import ANA, LAPTOP, PASSWORD, sign_up_ana, told


async def test_who_signs_up_is_signed_in(gate: Gate) -> None:
    tokens = await sign_up_ana(gate)
    actor = await actor_of(gate.database, gate.settings, tokens.access_token, "192.0.2.1")

    assert (actor.user_id, actor.session_id, actor.role) == (
        tokens.user_id,
        tokens.session_id,
        "user",
    )
    [added] = await told(gate, "session_added")
    session = msgspec.json.decode(added)["session"]
    assert session["device"] == "Chrome on Linux"
    assert session["address"] == LAPTOP.address


@pytest.mark.parametrize(
    ("handle", "email", "subject"),
    [("ANA", "other@example.test", "handle"), ("other", "Ana@Example.TEST", "email")],
)
async def test_a_handle_and_an_email_are_taken_in_any_case(
    gate: Gate, handle: str, email: str, subject: str
) -> None:
    await sign_up_ana(gate)
    again = Signup(name="Other", handle=handle, email=email, password=PASSWORD)

    with pytest.raises(Conflict) as refused:
        await gate.perform(signup, LAPTOP, again)
    assert refused.value.subject == subject


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "   "),
        ("name", "\u200b\u200b"),
        ("name", "An\x00a"),
        ("name", "An\x1ba"),
        ("name", "An\na"),
        ("name", "anA\u202e"),
        ("name", "a" * 81),
        ("handle", "an"),
        ("handle", "1ana"),
        ("handle", "an a"),
        ("handle", "änä"),
        ("handle", "ana\x00"),
        ("handle", "a" * 31),
        ("email", "ana"),
        ("email", "ana@"),
        ("email", "ana@exa mple.test"),
        ("email", "ana\x00@example.test"),
        ("email", "a" * 250 + "@example.test"),
        ("password", "too short"),
        ("password", "x1y2z3" * 40),
        ("password", "seven\x00quiet otters"),
    ],
)
async def test_a_wrong_field_is_refused_by_its_name(gate: Gate, field: str, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await gate.perform(signup, LAPTOP, msgspec.structs.replace(ANA, **{field: value}))
    assert refused.value.subject == field
    assert await told(gate, "session_added") == []


async def test_names_are_trimmed_and_collapsed_and_handles_lowercased(gate: Gate) -> None:
    tidy = msgspec.structs.replace(ANA, name="  Ana \t María  Ruiz ", handle=" Ana.Ruiz ")
    await gate.perform(signup, LAPTOP, tidy)

    async with gate.database.transaction(read_only=True) as tx:
        row = await tx.row("SELECT name, handle FROM users")
    assert row is not None
    assert (row["name"], row["handle"]) == ("Ana María Ruiz", "ana.ruiz")


async def test_an_ended_session_opens_nothing(gate: Gate) -> None:
    tokens = await sign_up_ana(gate)
    async with gate.database.transaction() as tx:
        await tx.run("UPDATE sessions SET expires_at = now()")

    with pytest.raises(Unauthenticated, match="session"):
        await actor_of(gate.database, gate.settings, tokens.access_token, "192.0.2.1")


async def test_without_the_database_nobody_can_say_who_asks(gate: Gate) -> None:
    tokens = await sign_up_ana(gate)

    class Away:
        def transaction(self, *, read_only: bool) -> None:
            raise DatabaseUnavailable("the database is away")

    away = cast("Database", Away())
    with pytest.raises(Unavailable, match="database"):
        await actor_of(away, gate.settings, tokens.access_token, "192.0.2.1")


async def test_a_role_holds_from_the_moment_it_is_given(gate: Gate) -> None:
    tokens = await sign_up_ana(gate)
    async with gate.database.transaction() as tx:
        await tx.run("UPDATE users SET role = 'moderator'")

    actor = await actor_of(gate.database, gate.settings, tokens.access_token, "192.0.2.1")
    assert actor.role == "moderator"
