"""What a person may be called: the limits that clients can read, and the rules they cannot say.

The types carry the limits into the API document. The functions hold for every caller, doors
or not: they answer the value as it is stored, or refuse it by the name of its field.
"""

import re
import unicodedata
from typing import Annotated, TypeAlias

import email_validator
from msgspec import Meta

from storage.errors import InvalidInput

NAME_CHARACTERS_MAX = 80
HANDLE_CHARACTERS_MAX = 30
EMAIL_CHARACTERS_MAX = 254
HANDLE_PATTERN = re.compile(r"[a-z][a-z0-9_.]{2,29}")

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
Handle: TypeAlias = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=HANDLE_CHARACTERS_MAX,
        description="a-z 0-9 _ . starting with a letter; upper case is taken as lower case",
    ),
]
Email: TypeAlias = Annotated[
    str, Meta(max_length=EMAIL_CHARACTERS_MAX, extra_json_schema={"format": "email"})
]

# Names that no public mail server has, but a house's own network, or a trial, well may.
OWN_NETWORKS = ("local", "test")
email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = [
    name for name in email_validator.SPECIAL_USE_DOMAIN_NAMES if name not in OWN_NETWORKS
]

# They turn the text around them, so that a name could read as somebody else's.
DIRECTION_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_name(name: str) -> str:
    return clean_line("name", name, characters_max=NAME_CHARACTERS_MAX, visible=True)


def clean_handle(handle: str) -> str:
    handle = handle.strip().lower()
    if not HANDLE_PATTERN.fullmatch(handle):
        raise InvalidInput("handle", "3 to 30 of a-z 0-9 _ . starting with a letter")
    return handle


def clean_email(email: str) -> str:
    try:
        # Whether mail arrives there, only a mail can tell.
        checked = email_validator.validate_email(email.strip(), check_deliverability=False)
    except email_validator.EmailNotValidError:
        raise InvalidInput("email", "must be an e-mail address") from None
    normalized = checked.normalized.lower()
    if len(normalized) > EMAIL_CHARACTERS_MAX:
        raise InvalidInput("email", f"at most {EMAIL_CHARACTERS_MAX} characters")
    return normalized


def clean_line(subject: str, text: str, *, characters_max: int, visible: bool = False) -> str:
    """One line: trimmed, inner spaces collapsed, nothing in it that cannot be seen as text.

    `visible`: there must be something to see.
    """
    line = clean_text(subject, text, characters_max=characters_max, lines_max=1)
    if visible and not any(
        character.isprintable() and not character.isspace() for character in line
    ):
        raise InvalidInput(subject, "must not be empty")
    return line


def clean_text(subject: str, text: str, *, characters_max: int, lines_max: int) -> str:
    """At most `lines_max` lines, trimmed, inner spaces collapsed, without control characters."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n")
    if any(_is_forbidden(character) for character in text):
        raise InvalidInput(subject, "must not hold control characters")
    cleaned = [" ".join(line.split()) for line in text.strip().split("\n")]
    if len(cleaned) > lines_max:
        raise InvalidInput(subject, f"at most {lines_max} lines" if lines_max > 1 else "one line")
    text = "\n".join(cleaned)
    if len(text) > characters_max:
        raise InvalidInput(subject, f"at most {characters_max} characters")
    return text


def _is_forbidden(character: str) -> bool:
    if character in "\n\t":
        return False
    # Cc: control characters, NUL among them. Cs: half a character, which UTF-8 cannot carry.
    return unicodedata.category(character) in ("Cc", "Cs") or character in DIRECTION_OVERRIDES
