"""The client words every refusal itself: no pair of code and subject is left to chance."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from http_api.routes import ROUTES
from storage import errors
from storage.domains.profiles.settings import Language

CHECKOUT = Path(__file__).resolve().parents[2]
PHRASES = CHECKOUT / "web" / "src" / "lib" / "i18n"
SERVER = ("storage", "realtime", "http_api")
CODES = {
    kind.__name__: kind.code
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.Refusal) and kind is not errors.Refusal
}
SAID_BY_CODE = {
    ("conflict", "clientId"),
    ("conflict", "connect"),
    ("conflict", "idempotencyKey"),
    ("forbidden", "origin"),
    ("internal_error", "server"),
    ("invalid_input", "before"),
    ("invalid_input", "body"),
    ("invalid_input", "conversationId"),
    ("invalid_input", "cursor"),
    ("invalid_input", "host"),
    ("invalid_input", "idempotencyKey"),
    ("invalid_input", "query"),
    ("invalid_input", "seq"),
    ("method_not_allowed", "method"),
    ("not_found", "event"),
    ("not_found", "friendRequest"),
    ("not_found", "path"),
    ("not_found", "session"),
    ("payload_too_large", "body"),
    ("too_many_requests", "marks"),
    ("too_many_requests", "pending"),
    ("too_many_requests", "requests"),
    ("unauthenticated", "accessToken"),
    ("unauthenticated", "connect"),
    ("unauthenticated", "refreshToken"),
    ("unauthenticated", "session"),
    ("unavailable", "database"),
    ("unavailable", "password"),
    ("unsupported_media_type", "body"),
}
"""Of these a person needs to know no more than the code says: on purpose, one by one."""
NAMED_BY_CALLERS = {"invalid_input", "unavailable"}
"""Codes of which a rule takes the subject from whoever asks it: a field of a command, a part."""
WRITTEN_BY_PEOPLE = {
    "bio",
    "currentPassword",
    "email",
    "handle",
    "location",
    "name",
    "newPassword",
    "password",
    "text",
    "website",
}
"""Fields of the forms: what is wrong in one of them is said exactly."""

Pair = tuple[str, str]


def calls(sources: Iterable[str]) -> Iterator[tuple[str, ast.expr]]:
    """The code and the subject of every refusal that is made."""
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and node.args:
                named = node.func.attr if isinstance(node.func, ast.Attribute) else None
                name = node.func.id if isinstance(node.func, ast.Name) else named
                if name in CODES:
                    yield CODES[name], node.args[0]


def sent(sources: Iterable[str]) -> tuple[set[Pair], set[str]]:
    """The pairs that stand there, and the codes whose subject is named elsewhere."""
    pairs, elsewhere = set(), set()
    for code, subject in calls(sources):
        if isinstance(subject, ast.Constant):
            pairs.add((code, str(subject.value)))
        else:
            elsewhere.add(code)
    return pairs, elsewhere


def sources_of_server() -> list[str]:
    return [file.read_text() for part in SERVER for file in (CHECKOUT / part).rglob("*.py")]


def table(name: str) -> set[str]:
    """The keys of a table of refusals.ts."""
    source = (PHRASES / "refusals.ts").read_text()
    body = source.partition(f"const {name}: ")[2].partition("\n};")[0]
    return set(re.findall(r"^  '?([\w ]+)'?: '", body, re.MULTILINE))


def worded() -> set[Pair]:
    return {(code, subject) for code, _, subject in (key.partition(" ") for key in table("exact"))}


def test_every_refusal_is_worded_or_said_by_its_code_on_purpose() -> None:
    pairs, elsewhere = sent(sources_of_server())
    assert len(pairs) > 40, "the refusals were found"
    assert pairs - worded() == SAID_BY_CODE
    assert elsewhere <= NAMED_BY_CALLERS


def test_no_words_are_kept_for_what_is_never_refused() -> None:
    pairs, _ = sent(sources_of_server())
    fields = {("invalid_input", field) for field in WRITTEN_BY_PEOPLE}
    assert worded() <= pairs | fields


def test_what_is_wrong_in_a_form_s_field_is_said_exactly() -> None:
    taken = {
        field.encode_name for route in ROUTES for field in msgspec.structs.fields(route.command)
    }
    assert taken >= WRITTEN_BY_PEOPLE
    assert {subject for code, subject in worded() if code == "invalid_input"} >= WRITTEN_BY_PEOPLE


def test_every_code_has_words() -> None:
    of_client = {"offline", "timeout", "disconnected", "signed_out"}
    assert table("general") == set(CODES.values()) | of_client


@pytest.mark.parametrize("language", get_args(Language))
def test_every_refusal_has_words_in_every_language(language: str) -> None:
    source = (PHRASES / "refusals.ts").read_text()
    keys = set(re.findall(r"'((?:refusal|auth|password)\.\w+)'", source))
    phrases = set(re.findall(r"^  '([\w.]+)':", (PHRASES / f"{language}.ts").read_text(), re.M))
    assert len(keys) > 30
    assert keys <= phrases


def test_an_account_may_have_each_language_of_the_client_and_no_other() -> None:
    source = (PHRASES / "languages.ts").read_text()
    listed = source.partition("languages = {")[2].partition("}")[0]
    assert set(re.findall(r"(\w+): '", listed)) == set(get_args(Language))


def test_a_new_refusal_would_be_noticed() -> None:
    planted = 'raise Conflict("towel", "is on the chair")\nanswer(errors.Forbidden(subject))'
    pairs, elsewhere = sent([*sources_of_server(), planted])
    assert pairs - worded() - SAID_BY_CODE == {("conflict", "towel")}
    assert elsewhere - NAMED_BY_CALLERS == {"forbidden"}
