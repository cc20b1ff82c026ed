"""Keyset pages: a cursor says after which row to go on, so every page costs the same.

A cursor is opaque to clients and carries the sort key of the last row shown. It grants nothing:
every page is found under the asker's own permissions again.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from storage.errors import InvalidInput
from storage.words import encode_json

PAGE_ROWS_DEFAULT = 30
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)

Key = TypeVar("Key", bound=tuple[object, ...])


def encode_cursor(*key: object) -> str:
    return urlsafe_b64encode(encode_json(key)).rstrip(b"=").decode()


def decode_cursor(cursor: str, key_type: type[Key]) -> Key:
    """The key that `encode_cursor` was given, as `key_type` (a tuple type).

    Raises InvalidInput on anything else: a cursor comes from outside.
    """
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        key = msgspec.json.decode(urlsafe_b64decode(padded), type=key_type)
    except (ValueError, msgspec.MsgspecError):
        raise _refusal() from None
    if not all(_is_storable(part) for part in key):
        raise _refusal()
    return key


def _is_storable(part: object) -> bool:
    """What we wrote ourselves always is; what came from outside may be no value of PostgreSQL."""
    if isinstance(part, datetime):
        return part.tzinfo is not None and EARLIEST <= part <= LATEST
    return not (isinstance(part, str) and "\x00" in part)


def _refusal() -> InvalidInput:
    return InvalidInput("cursor", "must be the nextCursor of an earlier answer")
