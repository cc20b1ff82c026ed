"""What a person has chosen: who may reach and see them, and how things look."""

from typing import ClassVar, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from storage.action import action
from storage.actor import Actor
from storage.database import Transaction
from storage.errors import NotFound
from storage.journal import emit, user_topic
from storage.words import Nothing, Words

MessagesFrom: TypeAlias = Literal["everyone", "friends"]
PresenceTo: TypeAlias = Literal["contacts", "friends", "nobody"]
ProfileVisibility: TypeAlias = Literal["public", "friends", "private"]
Theme: TypeAlias = Literal["system", "light", "dark"]
Language: TypeAlias = Literal["en", "de"]
"""The languages of the client: those of `web/src/lib/i18n/languages.ts`."""


class Settings(Words):
    messages_from: MessagesFrom
    presence_to: PresenceTo
    profile_visibility: ProfileVisibility
    theme: Theme
    language: Language


class UpdateSettings(Words):
    messages_from: MessagesFrom | UnsetType = UNSET
    presence_to: PresenceTo | UnsetType = UNSET
    profile_visibility: ProfileVisibility | UnsetType = UNSET
    theme: Theme | UnsetType = UNSET
    language: Language | UnsetType = UNSET


class SettingsUpdated(Settings):
    kind: ClassVar[str] = "settings_updated"


@action(reads=True)
async def get_settings(tx: Transaction, actor: Actor, command: Nothing) -> Settings:
    """One's own settings."""
    row = await tx.row(FIND_SETTINGS, actor.user_id)
    if row is None:
        raise NotFound("user")
    return Settings(**row)


@action
async def update_settings(tx: Transaction, actor: Actor, command: UpdateSettings) -> Settings:
    """Change the settings that are given."""
    row = await tx.row(LOCK_SETTINGS, actor.user_id)
    if row is None:
        raise NotFound("user")
    before = dict(row)
    after = before | {
        field: value for field in before if (value := getattr(command, field)) is not UNSET
    }
    if after != before:
        await tx.run(STORE_SETTINGS, actor.user_id, *(after[field] for field in STORED_FIELDS))
        emit(tx, user_topic(actor.user_id), SettingsUpdated(**after))
    return Settings(**after)


STORED_FIELDS = Settings.__struct_fields__
SETTINGS_COLUMNS = ", ".join(STORED_FIELDS)

FIND_SETTINGS = f"SELECT {SETTINGS_COLUMNS} FROM users WHERE id = $1"  # noqa: S608  # Constant.

LOCK_SETTINGS = FIND_SETTINGS + " FOR NO KEY UPDATE"

STORE_SETTINGS = """
    UPDATE users
       SET messages_from = $2, presence_to = $3, profile_visibility = $4, theme = $5, language = $6
     WHERE id = $1
"""
