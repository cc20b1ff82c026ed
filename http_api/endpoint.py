"""From one HTTP request to one answer: decode the command, perform it, word the result.

A route says which action it offers, and where. Path values and query values are fields of the
action's command, beside those of the JSON body: so one command has one shape at both doors.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from http_api.envelope import success
from http_api.exchange import Request, Response
from storage.action import Action
from storage.decoding import UNREADABLE, hint_of, refusal_of
from storage.errors import InvalidInput, MalformedInput, UnsupportedMediaType

if typing.TYPE_CHECKING:
    from http_api.security import Guard
    from http_api.sign_in import Sessions
    from storage.gate import Gate
    from storage.limits import RouteClass

QUERY_FIELDS_MAX = 20
READING = frozenset({"GET", "HEAD"})
IN_QUERY = frozenset({"GET", "HEAD", "DELETE"})
"""Methods whose command stands in the address; all others carry a body."""


@dataclass(frozen=True, slots=True)
class Door:
    """What every endpoint needs: where commands are performed, and who is asking."""

    gate: Gate
    sessions: Sessions
    guard: Guard


View: TypeAlias = Callable[[Door, "Route", Request, dict[str, str]], Awaitable[Response]]


async def answer(
    door: Door, route: Route, request: Request, path_values: dict[str, str]
) -> Response:
    """The view of every route that names no other."""
    actor = await door.sessions.actor_of(request)
    command = await command_of(route, request, path_values)
    result = await door.gate.perform(
        route.action,
        actor,
        command,
        key=idempotency_key(request),
        route_class=route.route_class,
    )
    return success(result, route.status)


@dataclass(frozen=True, slots=True)
class Route:
    """`body` and `result` differ from the action's types only where a view adds to them."""

    method: str
    path: str
    action: Action[..., Any]
    status: int = 200
    limit: RouteClass | None = None
    view: View = answer
    body: type[Any] | None = None
    answers: Any = None

    @property
    def command(self) -> type[Any]:
        return self.body or self.action.command

    @property
    def result(self) -> Any:
        return self.answers or self.action.result

    @property
    def route_class(self) -> RouteClass:
        return self.limit or ("get" if self.method in READING else "post")


def idempotency_key(request: Request) -> str | None:
    return None if request.method in READING else request.headers.get("idempotency-key")


async def command_of(route: Route, request: Request, path_values: dict[str, str]) -> Any:
    """The command of a request. Raises InvalidInput, naming the field, and the like."""
    fields = {f.encode_name: f.type for f in msgspec.structs.fields(route.command)}
    values = {name: _value(name, text, fields) for name, text in path_values.items()}
    for name, text in _query_values(request):
        if name in values:
            raise InvalidInput(name, "is given twice")
        values[name] = _value(name, text, fields)
    body = await _body_values(request)
    for name in body.keys() & values.keys():
        if _converted(name, body[name], fields[name], strict=True) != values[name]:
            raise InvalidInput(name, "is not the same in the path and in the body")
    return decoded(body | values, route.command)


def decoded(values: dict[str, Any], command: type[Any]) -> Any:
    try:
        return msgspec.convert(values, command)
    except msgspec.ValidationError as error:
        raise refusal_of(error, "body") from None


def _query_values(request: Request) -> list[tuple[str, str]]:
    if not request.query:
        return []
    if request.method not in IN_QUERY:
        raise InvalidInput("query", "this request takes its values in the body")
    try:
        return parse_qsl(
            request.query,
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=QUERY_FIELDS_MAX,
        )
    except ValueError:
        raise MalformedInput(
            "query", f"must be name=value pairs, at most {QUERY_FIELDS_MAX}"
        ) from None


async def _body_values(request: Request) -> dict[str, Any]:
    body = await request.body()
    if not body:
        return {}
    if request.method in READING:
        raise InvalidInput("body", "this request takes no body")
    if request.content_type != "application/json":
        raise UnsupportedMediaType("body", "must be application/json")
    try:
        values = msgspec.json.decode(body)
    except UNREADABLE as error:
        raise refusal_of(error, "body") from None
    if not isinstance(values, dict):
        raise InvalidInput("body", "must be a JSON object")
    return values


def _value(name: str, text: str, fields: dict[str, Any]) -> Any:
    """What stands as text in an address, as the field's own type. A list is split at commas."""
    if name not in fields:
        raise InvalidInput(name, "is not a field of this request")
    kind = fields[name]
    listed: Any = text.split(",") if _is_list(kind) else text
    return _converted(name, listed, kind, strict=False)


def _converted(name: str, value: Any, kind: Any, *, strict: bool) -> Any:
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise InvalidInput(name, hint_of(error)) from None


def _is_list(kind: Any) -> bool:
    origin = typing.get_origin(kind)
    if origin in (typing.Annotated, typing.Union, types.UnionType):
        return any(_is_list(inner) for inner in typing.get_args(kind))
    return (origin or kind) in (list, tuple, set, frozenset)
