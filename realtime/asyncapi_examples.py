"""An example of every message, made from its own schema, so that none can be forgotten or stale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "connect": ("have",),
    "update_profile": ("name", "bio"),
    "update_settings": ("theme",),
    "send_message": ("conversationId",),
    "list_messages": ("before", "limit"),
    "list_conversations": ("limit",),
    "typing": ("active",),
}
"""Of these commands' optional fields, the ones that an example shows."""

PERSON: Final = "019a5a3c-7f00-7000-8000-000000000b01"
CONVERSATION: Final = "019a5a3c-7f00-7000-8000-000000000d01"
IDS: Final[Mapping[str, str]] = {"conversationId": CONVERSATION, "clientId": PERSON[:-3] + "c01"}
NUMBER: Final = 12
STRINGS: Final[Mapping[str, str]] = {
    "address": "192.0.2.7",
    "bio": "Painter",
    "currentPassword": "correct horse battery",
    "device": "Firefox on Linux",
    "email": "ana@example.org",
    "handle": "ben",
    "hint": "is required",
    "language": "en",
    "location": "Lisbon",
    "role": "user",
    "name": "Ben",
    "newPassword": "purple elephant sings",
    "query": "be",
    "subject": "text",
    "text": "Good morning",
    "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
    "website": "https://example.org",
}
PREFERRED: Final = ("text", "invalid_input", "online")
"""Of the values that a field may have, those that fit the others here."""
TIME: Final = "2026-01-31T12:00:00.123456Z"


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], *, of: str = "") -> Any:
    """What the schema allows; of a command named `of`, with the optional fields chosen for it."""
    return _Example(schemas, SHOWN.get(of, ())).value(schema, "")


class _Example:
    def __init__(self, schemas: Mapping[str, Any], shown: tuple[str, ...]) -> None:
        self._schemas = schemas
        self._shown = shown

    def value(self, schema: Mapping[str, Any], name: str) -> Any:
        if "$ref" in schema:
            return self.value(self._schemas[schema["$ref"].rpartition("/")[2]], name)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return next((one for one in PREFERRED if one in schema["enum"]), schema["enum"][0])
        if "anyOf" in schema:
            return self._either(schema["anyOf"], name)
        kind = schema["type"]
        if kind == "object":
            return self._object(schema)
        if kind == "array":
            return [self.value(schema["items"], name)]
        if kind == "string":
            return _string(schema, name)
        if kind == "boolean":
            return name != "retry"
        assert kind in ("integer", "number"), kind
        return NUMBER

    def _either(self, alternatives: list[Mapping[str, Any]], name: str) -> Any:
        nullable = {"type": "null"} in alternatives and name not in self._shown and name != "id"
        return None if nullable else self.value(alternatives[0], name)

    def _object(self, schema: Mapping[str, Any]) -> Any:
        if "properties" not in schema:
            # A number for each topic: nothing else has names of its own.
            return {f"user:{PERSON}": 41, f"conversation:{CONVERSATION}": NUMBER}
        shown = {*schema.get("required", ()), *self._shown, "data"}
        fields = schema["properties"].items()
        return {name: self.value(field, name) for name, field in fields if name in shown}


def _string(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") == "uuid":
        return IDS.get(name, PERSON)
    if name == "at" or name.endswith("At"):
        return TIME
    if name == "topic":
        in_user = "(user)" in schema.get("pattern", "")
        return f"user:{PERSON}" if in_user else f"conversation:{CONVERSATION}"
    return STRINGS[name]
