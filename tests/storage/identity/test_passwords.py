from __future__ import annotations

import pytest

from storage.domains.identity.passwords import check_password
from storage.errors import InvalidInput

REFUSED = [
    "password123",
    "Password2024!",
    "P@ssw0rd2024!",
    "passwordpassword",
    "qwertyuiop",
    "1234567890",
    "0987654321",
    "aaaaaaaaaa",
    "1212121212",
    "abcdefghijkl",
    "Sunshine2026",
    "iloveyou!!",
    "LOOPYNC2026",
    "my name is Ana Ruiz",
    "anaruiz-forever",
    "i am ana.ruiz.77",
    "ruizmail is mine",
]
TAKEN = [
    "seven quiet otters",
    "Tr0ub4dor&3x",
    "StrongPass123!",
    "наша зимняя сказка",
    "a" * 5 + "bcd" * 3,
    "x1y2z3" * 33,
]


def check(password: str) -> None:
    check_password(
        "newPassword",
        password,
        handle="ana.ruiz.77",
        name="Ana Ruiz",
        email="ruizmail@example.test",
    )


@pytest.mark.parametrize("password", REFUSED)
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput, match="newPassword"):
        check(password)


@pytest.mark.parametrize("password", TAKEN)
def test_an_unusual_password_is_taken(password: str) -> None:
    check(password)


def test_very_short_names_forbid_no_words() -> None:
    check_password("password", "a joyful journey", handle="joy_r", name="Jo", email="j@b.test")
