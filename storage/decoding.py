"""What a client sent and could not be taken, as the refusal that both doors answer.

msgspec says `Object missing required field `x`` and `Expected `int`, got `str` - at `$.x[...]``:
clients are told the field, as `subject`, and what is wrong with it in words of ours.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from storage.errors import InvalidInput, MalformedInput

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises, whatever the bytes."""

_PLACE = re.compile(r" - at (?:`key` in )?`\$\.?([^`]*)`$")
_FIELD = re.compile(r"field `([^`]+)`")


def refusal_of(error: Exception, whole: str) -> InvalidInput:
    """What decoding found wrong; `whole` names the thing when no field of it is to blame."""
    if not isinstance(error, msgspec.ValidationError):
        return MalformedInput(whole, "must be JSON")
    text = str(error)
    place = _PLACE.search(text)
    within = place.group(1) if place else ""
    named = _FIELD.search(text)
    if named is None:
        return InvalidInput(within or whole, hint_of(error))
    subject = f"{within}.{named.group(1)}" if within else named.group(1)
    return InvalidInput(subject, "is required" if "missing" in text else "is not a known field")


def hint_of(error: msgspec.ValidationError) -> str:
    """What is wrong, without where."""
    return _PLACE.sub("", str(error)).replace("`", "")
