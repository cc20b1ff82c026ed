from __future__ import annotations

import pytest

from storage.database import Transaction
from storage.domains.identity import create_user, nobodys_hash
from storage.domains.visibility import SearchUsers, search, search_users
from tests.storage.friends.people import People

CROWD = {
    "ana_ruiz": "Ana María Ruiz",
    "anastasia": "Anastasia O'Brien",
    "b.rower": "Jean-Luc Rower",
    "li.wei": "李伟",
    "zoe1990": "Zoë / Studio",
}


@pytest.fixture
async def crowd(tx: Transaction, people: People) -> None:
    for handle, name in CROWD.items():
        await create_user(
            tx,
            handle=handle,
            name=name,
            email=f"{handle}@example.test",
            password_hash=nobodys_hash(),
        )


@pytest.mark.parametrize("next_handles", [0, 1000])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ana", ["ana", "ana_ruiz", "anastasia"]),
        ("@ana_r", ["ana_ruiz"]),
        ("ANA MAR", ["ana_ruiz"]),
        ("ruiz ana", ["ana_ruiz"]),
        ("o'br", ["anastasia"]),
        ("jean-l", ["b.rower"]),
        ("row", ["b.rower"]),
        ("李", ["li.wei"]),
        ("zoë", ["zoe1990"]),
        ("zoe1", ["zoe1990"]),
        ("studio", ["zoe1990"]),
        ("nastasia", []),
        ("ana | ben", []),
        ("ana:*", ["ana", "ana_ruiz", "anastasia"]),
        ("!ben & 'x\\", []),
        ("%", []),
        ("🙂", []),
        ("  ", []),
        ("a\x00na", []),
    ],
)
async def test_people_are_found_by_the_beginnings_of_words(
    tx: Transaction,
    people: People,
    crowd: None,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    expected: list[str],
    next_handles: int,
) -> None:
    """By either way of looking: among the next handles, and among all."""
    monkeypatch.setattr(search, "NEXT_HANDLES", next_handles)
    page = await search_users(tx, people.eve, SearchUsers(query=query))
    assert [user.handle for user in page.users] == expected


@pytest.mark.parametrize("next_handles", [0, 2, 1000])
async def test_the_pages_of_a_search_hold_everybody_once(
    tx: Transaction,
    people: People,
    crowd: None,
    monkeypatch: pytest.MonkeyPatch,
    next_handles: int,
) -> None:
    monkeypatch.setattr(search, "NEXT_HANDLES", next_handles)
    handles: list[str] = []
    cursor = None
    for _ in range(3):
        page = await search_users(tx, people.eve, SearchUsers(query="an", limit=1, cursor=cursor))
        handles += [user.handle for user in page.users]
        cursor = page.next_cursor
    assert handles == ["ana", "ana_ruiz", "anastasia"]
    assert cursor is None
