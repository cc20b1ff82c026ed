"""The API's description, OpenAPI 3.1, read off the route tables and the types of their actions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import msgspec

from http_api.config import Config
from http_api.endpoint import IN_QUERY, Route
from http_api.examples import EXAMPLES
from http_api.exchange import Response
from storage import errors
from storage.release import version
from storage.words import Words

Schema: TypeAlias = dict[str, Any]

REF = "#/components/schemas/{name}"
DESCRIPTION = (
    "The HTTP twin of the socket: every command has one name, one body and one result at both. "
    "Names are camelCase, ids are UUIDv7, times are ISO 8601 in UTC. A field that is not described "
    "is refused."
)


TAGS = {"visibility": "profiles"}
"""Domains that clients know under another's name."""


class Health(Words):
    """One word for each part, `ok` when all is well."""

    status: str
    parts: dict[str, str] = msgspec.field(default_factory=dict)


DOCUMENTS: tuple[tuple[str, str, str, str, type[Words]], ...] = (
    ("/api/v1", "/config", "get_config", "What a client must know before it signs in.", Config),
    ("/", "/health", "get_health", "503 when anything at all is wrong.", Health),
    ("/", "/health/live", "get_liveness", "Whether the process runs.", Health),
    ("/", "/health/ready", "get_readiness", "503 while requests would be refused.", Health),
)
"""Server, path, operation, summary and answer of what is no action."""


def document(routes: Sequence[Route]) -> Schema:
    """The whole document, as what JSON it is."""
    kinds: list[Any] = [Config, Health]
    for route in routes:
        kinds += [route.command, *_alternatives(route.result)]
    refs, schemas = msgspec.json.schema_components(kinds, ref_template=REF)
    ref_of = {id(kind): ref for kind, ref in zip(kinds, refs, strict=True)}
    schemas |= {"Error": errors.BODY_SCHEMA, "Failure": FAILURE}

    paths: dict[str, Schema] = {}
    for server, path, name, summary, kind in DOCUMENTS:
        answer = _answer(schemas, name, [ref_of[id(kind)]])
        operation = _operation(name, summary, "server", 200, answer, (errors.Unavailable,))
        paths[path] = {"servers": [{"url": server}], "get": {**operation, "security": []}}
    for route in routes:
        answer = _answer(
            schemas, route.action.name, [ref_of[id(k)] for k in _alternatives(route.result)]
        )
        domain = route.action.function.__module__.removeprefix("storage.domains.").partition(".")[0]
        tag = TAGS.get(domain, domain)
        operation = _operation(
            route.action.name, route.action.summary, tag, route.status, answer, errors.KINDS
        )
        operation |= _command(route, ref_of[id(route.command)], schemas)
        if route.action.visitor:
            operation["security"] = []
        paths.setdefault(route.path, {})[route.method.lower()] = operation

    whole: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": "Loopync",
            "version": version(),
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"accessToken": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {kind.__name__: _error_response(kind) for kind in errors.KINDS},
            "securitySchemes": {
                "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }
    _prune(whole)
    return whole


def response(description: Schema) -> Response:
    kind = (b"content-type", b"application/json")
    return Response(200, msgspec.json.encode(description), [kind, (b"cache-control", b"no-cache")])


def resolve(description: Schema, schema: Schema) -> Schema:
    """The schema that a `$ref` means, or the one that stands there itself."""
    name = schema.get("$ref", "").removeprefix(REF.format(name=""))
    resolved: Schema = description["components"]["schemas"][name] if name else schema
    return resolved


def _alternatives(result: Any) -> Sequence[Any]:
    return result if isinstance(result, tuple) else (result,)


def _operation(
    name: str,
    summary: str,
    tag: str,
    status: int,
    answer: Schema,
    refusals: Iterable[type[errors.Refusal]],
) -> Schema:
    responses: Schema = {
        str(status): {
            "description": "Done",
            "headers": {"X-Request-Id": {"schema": {"type": "string"}}},
            "content": {"application/json": {"schema": answer}},
        }
    }
    for kind in refusals:
        responses[str(kind.http_status)] = {"$ref": f"#/components/responses/{kind.__name__}"}
    return {"operationId": name, "summary": summary, "tags": [tag], "responses": responses}


def _answer(schemas: dict[str, Schema], operation: str, data: list[Schema]) -> Schema:
    """The envelope around a result, as a component of its own."""
    name = "".join(word.title() for word in operation.split("_")) + "Answer"
    assert name not in schemas, f"{name} means two things"
    schemas[name] = {
        "type": "object",
        "required": ["success", "data", "timestamp"],
        "properties": {
            "success": {"const": True},
            "data": data[0] if len(data) == 1 else {"anyOf": data},
            "timestamp": {"type": "string", "format": "date-time"},
        },
    }
    return {"$ref": REF.format(name=name)}


def _command(route: Route, ref: Schema, schemas: dict[str, Schema]) -> Schema:
    """Where each field of the command goes: the path, the query or the body."""
    name = ref["$ref"].removeprefix(REF.format(name=""))
    schema = schemas[name]
    fields: Schema = schema.get("properties", {})
    required = set(schema.get("required", []))
    in_path = [field for field in fields if f"{{{field}}}" in route.path]
    described: Schema = {}
    parameters = [_parameter("path", field, fields[field], True) for field in in_path]
    rest = [field for field in fields if field not in in_path]
    if route.method in IN_QUERY:
        parameters += [_parameter("query", f, fields[f], f in required) for f in rest]
    elif rest:
        if in_path:
            name = f"{name}Body"
            schemas[name] = schema | {
                "title": name,
                "properties": {field: fields[field] for field in rest},
                "required": sorted(required & set(rest)),
            }
        content: Schema = {"schema": {"$ref": REF.format(name=name)}}
        if route.action.name in EXAMPLES:
            content["example"] = EXAMPLES[route.action.name]
        described["requestBody"] = {
            "required": bool(required & set(rest)),
            "content": {"application/json": content},
        }
    if route.action.takes_key:
        parameters.append(IDEMPOTENCY_KEY)
    if parameters:
        described["parameters"] = parameters
    return described


def _parameter(place: str, name: str, schema: Schema, required: bool) -> Schema:
    parameter: Schema = {"name": name, "in": place, "required": required, "schema": schema}
    if schema.get("type") == "array":
        parameter |= {"style": "form", "explode": False}
    return parameter


def _error_response(kind: type[errors.Refusal]) -> Schema:
    described: Schema = {
        "description": f"`{kind.code}`",
        "content": {"application/json": {"schema": {"$ref": REF.format(name="Failure")}}},
    }
    if kind.retry:
        described["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return described


def _prune(whole: Schema) -> None:
    """Leave out the schemas that nothing refers to: those that were split into parts."""
    schemas = whole["components"]["schemas"]
    used: set[str] = set()
    waiting: list[Any] = [whole["paths"], whole["components"]["responses"]]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            waiting += node.values()
            name = str(node.get("$ref", "")).removeprefix(REF.format(name=""))
            if name in schemas and name not in used:
                used.add(name)
                waiting.append(schemas[name])
    whole["components"]["schemas"] = {name: schemas[name] for name in sorted(used)}


IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A retry with the same key and body gets the first answer, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}

FAILURE: Schema = {
    "type": "object",
    "required": ["success", "error", "status_code", "timestamp"],
    "properties": {
        "success": {"const": False},
        "error": {"$ref": REF.format(name="Error")},
        "status_code": {"type": "integer"},
        "timestamp": {"type": "string", "format": "date-time"},
    },
}
