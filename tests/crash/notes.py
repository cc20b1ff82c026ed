"""A message in words that no other of its author has: a text as it is, a note by what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def worded(message: Mapping[str, Any]) -> str:
    """Of a Message as the wire has it."""
    note = message["note"]
    if note is None:
        text: str = message["text"]
        return text
    return note_words(note["type"], message["conversationId"], note["userIds"], note["name"])


def note_words(kind: str, conversation: str, user_ids: Sequence[str], name: str | None) -> str:
    """Names are given once; people may be added to several groups."""
    return f"{kind}: {name or ' '.join([*user_ids, 'to', conversation])}"
