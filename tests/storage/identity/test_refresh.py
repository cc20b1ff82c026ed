from __future__ import annotations

import msgspec
import pytest

from storage.domains.identity import (
    Logout,
    Refresh,
    Tokens,
    actor_of,
    logout,
    refresh,
)
from storage.domains.identity.refresh import Standing, successor
from storage.errors import Unauthenticated
from storage.gate import Gate
from tests.storage.identity.people import PHONE, sign_up_ana, told


async def go_on(gate: Gate, tokens: Tokens) -> Tokens:
    return await gate.perform(refresh, PHONE, Refresh(refresh_token=tokens.refresh_token))


async def time_passes(gate: Gate, seconds: int) -> None:
    async with gate.database.transaction() as tx:
        await tx.run(
            "UPDATE sessions SET rotated_at = rotated_at - make_interval(secs => $1)", seconds
        )


async def test_each_refresh_token_leads_to_the_next(gate: Gate) -> None:
    first = await sign_up_ana(gate)
    second = await go_on(gate, first)
    third = await go_on(gate, second)

    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    actor = await actor_of(gate.database, gate.settings, third.access_token, "192.0.2.2")
    assert actor.session_id == first.session_id


async def test_two_tabs_with_one_token_get_the_same_successor(gate: Gate) -> None:
    first = await sign_up_ana(gate)
    by_one_tab = await go_on(gate, first)
    await time_passes(gate, 29)
    by_the_other = await go_on(gate, first)

    assert by_one_tab.refresh_token == by_the_other.refresh_token
    assert await told(gate, "session_revoked") == []


async def test_a_copy_used_later_ends_the_session_for_both(gate: Gate) -> None:
    stolen = await sign_up_ana(gate)
    hers = await go_on(gate, stolen)
    await time_passes(gate, 31)

    with pytest.raises(Unauthenticated, match="refreshToken"):
        await go_on(gate, stolen)
    with pytest.raises(Unauthenticated, match="refreshToken"):
        await go_on(gate, hers)
    with pytest.raises(Unauthenticated, match="session has ended"):
        await actor_of(gate.database, gate.settings, hers.access_token, "192.0.2.2")
    [revoked] = await told(gate, "session_revoked")
    assert msgspec.json.decode(revoked) == {"sessionId": str(hers.session_id)}


async def test_the_last_but_one_is_a_copy_at_once(gate: Gate) -> None:
    stolen = await sign_up_ana(gate)
    await go_on(gate, await go_on(gate, stolen))

    with pytest.raises(Unauthenticated, match="refreshToken"):
        await go_on(gate, stolen)
    assert len(await told(gate, "session_revoked")) == 1


@pytest.mark.parametrize(
    ("shown", "just_rotated", "expected"),
    [(3, True, 4), (3, False, 4), (2, True, 3), (2, False, None), (1, True, None), (7, False, 8)],
)
def test_what_a_token_is_good_for(shown: int, just_rotated: bool, expected: int | None) -> None:
    assert successor(shown, Standing(generation=3, just_rotated=just_rotated)) == expected


async def test_a_token_that_we_did_not_issue_is_refused(gate: Gate) -> None:
    tokens = await sign_up_ana(gate)
    session, _, proof = tokens.refresh_token.split(".")
    forged = [
        f"{session}.2.{proof}",
        f"{session}.1.{proof[:-1]}",
        f"{session}.1.",
        f"{session}.1",
        tokens.access_token,
        "",
        "é.1.ü",
        "." * 200,
        "a" * 10_000,
    ]
    for text in forged:
        with pytest.raises(Unauthenticated, match="refreshToken"):
            await gate.perform(refresh, PHONE, Refresh(refresh_token=text))
    assert await told(gate, "session_revoked") == []


async def test_a_session_unused_for_thirty_days_is_over(gate: Gate) -> None:
    tokens = await sign_up_ana(gate)
    async with gate.database.transaction() as tx:
        days_left = await tx.value("SELECT expires_at - now() > '29 days 23 hours' FROM sessions")
        await tx.run("UPDATE sessions SET expires_at = now()")

    assert days_left
    with pytest.raises(Unauthenticated, match="refreshToken"):
        await go_on(gate, tokens)


async def test_signing_out_ends_the_session_and_may_be_repeated(gate: Gate) -> None:
    tokens = await sign_up_ana(gate)
    for _ in range(2):
        await gate.perform(logout, PHONE, Logout(refresh_token=tokens.refresh_token))
    await gate.perform(logout, PHONE, Logout(refresh_token="not ours"))

    with pytest.raises(Unauthenticated):
        await go_on(gate, tokens)
    assert len(await told(gate, "session_revoked")) == 1
