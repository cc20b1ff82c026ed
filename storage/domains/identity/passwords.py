"""Which passwords are too weak to protect anybody.

Length does most of the work. Beyond it, only what an attacker tries first is refused: the
common ones, also when dressed up with a year or a dollar sign, and what the account itself
gives away.
"""

import re
import unicodedata
from pathlib import Path
from typing import Annotated, TypeAlias

from msgspec import Meta

from storage.errors import InvalidInput

PASSWORD_CHARACTERS_MIN = 10
PASSWORD_CHARACTERS_MAX = 200
DISTINCT_CHARACTERS_MIN = 4
GIVEN_AWAY_CHARACTERS_MIN = 3
"""Shorter names stand in too many words to say anything."""

NewPassword: TypeAlias = Annotated[
    str, Meta(min_length=PASSWORD_CHARACTERS_MIN, max_length=PASSWORD_CHARACTERS_MAX)
]
GivenPassword: TypeAlias = Annotated[str, Meta(min_length=1, max_length=PASSWORD_CHARACTERS_MAX)]

COMMON = frozenset(Path(__file__).with_name("common_passwords.txt").read_text().split())
RUNS = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm")
LOOKALIKES = str.maketrans("013457@$!", "oleastasi")


def check_password(subject: str, password: str, *, handle: str, name: str, email: str) -> None:
    """Raise InvalidInput on `subject` if this person should not have this password."""
    password = normalized(password)
    if not PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX:
        raise InvalidInput(
            subject, f"{PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX} characters"
        )
    if "\x00" in password:
        raise InvalidInput(subject, "must not hold NUL")
    if is_common(password):
        raise InvalidInput(subject, "is one of the most common passwords")
    local_part = email.partition("@")[0]
    if any(_gives_away(word, password) for word in (handle, name, local_part)):
        raise InvalidInput(subject, "must not contain your handle, name or e-mail")


def normalized(password: str) -> str:
    """The same password from every keyboard: some send é as one character, some as two."""
    return unicodedata.normalize("NFC", password)


def is_common(password: str) -> bool:
    bare = re.sub(r"\s", "", password.casefold())
    if len(set(bare)) < DISTINCT_CHARACTERS_MIN or _is_run(bare):
        return True
    # "P@ssw0rd2024!" is "password" to everybody who guesses.
    undecorated = bare.strip("0123456789!?.,*#+-_@$%&")
    forms = {bare, undecorated, bare.translate(LOOKALIKES), undecorated.translate(LOOKALIKES)}
    return any(form in COMMON or _halved(form) in COMMON for form in forms)


def _is_run(text: str) -> bool:
    return any(text in run or text in run[::-1] for run in RUNS)


def _halved(text: str) -> str:
    """`ab` of `abab`: a common word does not get better by saying it twice."""
    half = text[: len(text) // 2]
    return half if half * 2 == text else text


def _gives_away(word: str, password: str) -> bool:
    folded = password.casefold()
    forms = {word.casefold(), re.sub(r"\s", "", word.casefold())}
    return any(len(form) >= GIVEN_AWAY_CHARACTERS_MIN and form in folded for form in forms)
