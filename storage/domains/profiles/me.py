"""One's own profile: what one says about oneself, and changes."""

import unicodedata
from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeAlias
from urllib.parse import urlsplit

from msgspec import UNSET, Meta, UnsetType

from storage import journal
from storage.action import action
from storage.actor import Actor, Role
from storage.database import Transaction, UniqueViolation
from storage.domains.identity import Handle, Name, clean_handle, clean_line, clean_name, clean_text
from storage.domains.profiles.settings import SETTINGS_COLUMNS, Settings
from storage.errors import Conflict, InvalidInput, NotFound
from storage.ids import UserId
from storage.journal import emit, user_topic
from storage.words import Nothing, Words

BIO_CHARACTERS_MAX = 500
BIO_LINES_MAX = 50
LOCATION_CHARACTERS_MAX = 100
WEBSITE_CHARACTERS_MAX = 200

Bio: TypeAlias = Annotated[str, Meta(max_length=BIO_CHARACTERS_MAX)]
Location: TypeAlias = Annotated[str, Meta(max_length=LOCATION_CHARACTERS_MAX)]
Website: TypeAlias = Annotated[
    str, Meta(max_length=WEBSITE_CHARACTERS_MAX, description="An http(s) address, or nothing")
]


class OwnProfile(Words):
    id: UserId
    handle: str
    name: str
    bio: str
    location: str
    website: str
    created_at: datetime
    email: str
    role: Role
    settings: Settings


class Me(OwnProfile):
    topic_seq: int


class UpdateProfile(Words):
    name: Name | UnsetType = UNSET
    handle: Handle | UnsetType = UNSET
    bio: Bio | UnsetType = UNSET
    location: Location | UnsetType = UNSET
    website: Website | UnsetType = UNSET


class ProfileUpdated(OwnProfile):
    kind: ClassVar[str] = "profile_updated"


@action(reads=True)
async def get_me(tx: Transaction, actor: Actor, command: Nothing) -> Me:
    """One's own profile and settings."""
    row = await tx.row(FIND_ME, actor.user_id)
    if row is None:
        raise NotFound("user")
    seq = await journal.tip(tx, user_topic(actor.user_id))
    return Me(**_own(row), topic_seq=seq)


@action
async def update_profile(tx: Transaction, actor: Actor, command: UpdateProfile) -> Me:
    """Change what is given; `""` clears bio, location and website."""
    row = await tx.row(LOCK_ME, actor.user_id)
    if row is None:
        raise NotFound("user")
    before = _own(row)
    after = before | cleaned(command)
    if after != before:
        await _store(tx, actor.user_id, after)
        emit(tx, user_topic(actor.user_id), ProfileUpdated(**after))
    # What was just emitted is numbered at the commit, so it comes after this tip.
    tip = await journal.tip(tx, user_topic(actor.user_id))
    return Me(**after, topic_seq=tip)


def cleaned(command: UpdateProfile) -> dict[str, str]:
    """The fields that are given, as they are stored. Raises InvalidInput naming a wrong one."""
    rules = {
        "name": clean_name,
        "handle": clean_handle,
        "bio": clean_bio,
        "location": clean_location,
        "website": clean_website,
    }
    given = {field: getattr(command, field) for field in rules}
    return {field: rules[field](value) for field, value in given.items() if value is not UNSET}


def clean_bio(bio: str) -> str:
    return clean_text("bio", bio, characters_max=BIO_CHARACTERS_MAX, lines_max=BIO_LINES_MAX)


def clean_location(location: str) -> str:
    return clean_line("location", location, characters_max=LOCATION_CHARACTERS_MAX)


def clean_website(website: str) -> str:
    website = website.strip()
    if website and not _is_web_address(website):
        raise InvalidInput("website", "must be an http:// or https:// address")
    if len(website) > WEBSITE_CHARACTERS_MAX:
        raise InvalidInput("website", f"at most {WEBSITE_CHARACTERS_MAX} characters")
    return website


def _is_web_address(text: str) -> bool:
    if any(char.isspace() or unicodedata.category(char).startswith("C") for char in text):
        return False
    try:
        parts = urlsplit(text)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        return False
    # With a name before the host, `https://bank.test@eve.test` would read as the bank's.
    is_plain = parts.username is None and parts.password is None and "\\" not in text
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port_is_right and is_plain


async def _store(tx: Transaction, user_id: UserId, profile: dict[str, Any]) -> None:
    fields = ("name", "handle", "bio", "location", "website")
    try:
        await tx.run(STORE_ME, user_id, *(profile[field] for field in fields))
    except UniqueViolation:
        raise Conflict("handle", "is taken") from None


def _own(row: Any) -> dict[str, Any]:
    values = dict(row)
    settings = {field: values.pop(field) for field in Settings.__struct_fields__}
    return values | {"settings": Settings(**settings)}


FIND_ME = f"""
    SELECT id, handle, name, bio, location, website, created_at, email, role, {SETTINGS_COLUMNS}
      FROM users WHERE id = $1
"""  # noqa: S608  # The inserted text is a constant.

LOCK_ME = FIND_ME + "FOR NO KEY UPDATE"

STORE_ME = """
    UPDATE users SET name = $2, handle = $3, bio = $4, location = $5, website = $6 WHERE id = $1
"""
