"""The socket's description, AsyncAPI 3, read off the tables of commands, pushes and close codes.

`python -m realtime.asyncapi` prints it. The process writes it where the HTTP API finds it.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import structlog

from realtime import disconnects, wire
from realtime.asyncapi_examples import example_of
from realtime.commands.surface import TABLES
from realtime.dispatch import Command
from realtime.door import CONNECT_SECONDS, FAULTS_MAX, Connect
from realtime.handshake import SOCKET_PATHS
from realtime.pushes import PUSHES, Told
from storage.errors import BODY_SCHEMA
from storage.release import version
from storage.settings import Settings

Schema: TypeAlias = dict[str, Any]

REF = "#/components/schemas/{name}"
CHANNEL = "#/channels/socket"
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
CONNECT_SUMMARY = f"Sign the connection in; the first request, within {CONNECT_SECONDS:g} seconds."
REFUSAL_SUMMARY = (
    "A request was refused. Nothing of it happened, unless our side failed (`unavailable`, "
    "`internal_error`): then it may have, and is to be sent again as it was."
)
DESCRIPTION = (
    "Text frames, one JSON object each. Every request has an id of the client's choice, and gets "
    "one reply under that id: what it asked for, or a refusal. Pushes come unasked: lasting ones "
    "have a topic and a number, without gaps in the topic, and can be replayed; ephemeral ones "
    "have neither. Names are camelCase, ids are UUIDv7, times are ISO 8601 in UTC. A field that is "
    f"not described is refused. After {FAULTS_MAX} frames that cannot be read the connection ends."
)

log = structlog.get_logger()


def document() -> Schema:
    """The whole document, as what JSON it is."""
    commands = [command for table in TABLES.values() for command in table]
    kinds: list[Any] = [wire.RequestId, Connect, wire.Connected]
    kinds += [kind for command in commands for kind in (command.body_type, command.result_type)]
    kinds += [told.body_type for told in PUSHES]
    refs, schemas = msgspec.json.schema_components(kinds, ref_template=REF)
    ref_of = {id(kind): ref for kind, ref in zip(kinds, refs, strict=True)}
    schemas |= {"Error": BODY_SCHEMA, "RequestId": ref_of[id(wire.RequestId)]}
    writer = _Writer(schemas, ref_of)

    writer.message("refusal", REFUSAL_SUMMARY, _refusal())
    writer.exchange("connection", "connect", CONNECT_SUMMARY, Connect, wire.Connected, "connected")
    for domain, table in TABLES.items():
        for command in table:
            writer.command(domain, command)
    for told in PUSHES:
        writer.push(told)
    return {
        "asyncapi": "3.1.0",
        "id": "urn:loopync:socket",
        "info": {
            "title": "Loopync socket",
            "version": version(),
            "description": DESCRIPTION,
            "license": {"name": "MIT"},
            "tags": [{"name": tag} for tag in ("connection", *TABLES, "pushes")],
        },
        "defaultContentType": "application/json",
        "servers": {
            "instance": {
                "host": "{host}",
                "protocol": "ws",
                "description": "`GET /api/v1/config` says where; `wss` behind a proxy with TLS.",
                "variables": {"host": {"default": "127.0.0.1:8001"}},
            }
        },
        "channels": {
            "socket": {
                "address": next(iter(SOCKET_PATHS)),
                "title": "The socket",
                "messages": {
                    name: {"$ref": f"#/components/messages/{name}"} for name in writer.messages
                },
                "bindings": {"ws": HANDSHAKE},
            }
        },
        "operations": writer.operations,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "messages": writer.messages,
            "correlationIds": {"request": {"location": "$message.payload#/id"}},
        },
        "x-close-codes": _close_codes(),
    }


class _Writer:
    """Collects messages, with an example each, and the operations in which they cross."""

    def __init__(self, schemas: dict[str, Schema], ref_of: dict[int, Schema]) -> None:
        self.messages: dict[str, Schema] = {}
        self.operations: dict[str, Schema] = {}
        self._schemas = schemas
        self._ref_of = ref_of

    def message(self, name: str, summary: str, payload: Schema, *, of: str = "") -> None:
        self.messages[name] = {
            "name": name,
            "summary": summary,
            "payload": payload,
            "examples": [{"payload": example_of(payload, self._schemas, of=of)}],
        }
        if "id" in payload["properties"]:
            correlation = {"$ref": "#/components/correlationIds/request"}
            self.messages[name]["correlationId"] = correlation

    def command(self, domain: str, command: Command) -> None:
        self.exchange(domain, command.name, command.summary, command.body_type, command.result_type)

    def exchange(
        self, tag: str, name: str, summary: str, body: Any, result: Any, event: str | None = None
    ) -> None:
        """A request and its reply, which has an `event` only when it is told here."""
        body_ref = self._ref_of[id(body)]
        request = {
            "id": {"$ref": REF.format(name="RequestId")},
            "event": {"const": name},
            "data": body_ref,
        }
        optional = () if self._resolved(body_ref).get("required") else ("data",)
        self.message(f"{name}.request", summary, _object(request, *optional), of=name)
        reply: Schema = {"id": {"$ref": REF.format(name="RequestId")}}
        if event is not None:
            reply["event"] = {"const": event}
        reply |= {"success": {"const": True}, "data": self._ref_of[id(result)]}
        self.message(f"{name}.reply", f"The answer to `{name}`.", _object(reply))
        self.operations[name] = {
            "action": "receive",
            "channel": {"$ref": CHANNEL},
            "summary": summary,
            "tags": [{"name": tag}],
            "messages": _crossing(f"{name}.request"),
            "reply": {
                "channel": {"$ref": CHANNEL},
                "messages": _crossing(f"{name}.reply", "refusal"),
            },
        }

    def push(self, told: Told) -> None:
        payload: Schema = {"event": {"const": told.name}}
        if told.topics:
            pattern = f"^({'|'.join(told.topics)}):{UUID}$"
            payload |= {
                "topic": {"type": "string", "pattern": pattern},
                "seq": {"type": "integer", "minimum": 1, "description": "Its number in the topic"},
            }
        payload["data"] = self._ref_of[id(told.body_type)]
        self.message(f"{told.name}.push", told.summary, _object(payload))
        self.operations[f"push_{told.name}"] = {
            "action": "send",
            "channel": {"$ref": CHANNEL},
            "summary": told.summary,
            "tags": [{"name": "pushes"}],
            "messages": _crossing(f"{told.name}.push"),
        }

    def _resolved(self, ref: Schema) -> Schema:
        return self._schemas[ref["$ref"].removeprefix(REF.format(name=""))]


def _object(properties: Schema, *optional: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _crossing(*names: str) -> list[Schema]:
    return [{"$ref": f"{CHANNEL}/messages/{name}"} for name in names]


def _refusal() -> Schema:
    request_id = {"anyOf": [{"$ref": REF.format(name="RequestId")}, {"type": "null"}]}
    return _object(
        {
            "id": request_id | {"description": "null when the frame's own could not be read"},
            "success": {"const": False},
            "error": {"$ref": REF.format(name="Error")},
        }
    )


def _close_codes() -> list[Schema]:
    found = [one for one in vars(disconnects).values() if isinstance(one, disconnects.Disconnect)]
    return [
        {"code": one.code, "reason": one.reason, "comeBack": one.come_back}
        for one in sorted(found, key=lambda one: one.code)
    ]


def publish(settings: Settings) -> None:
    """Write it for the HTTP API. Without it the socket works as well, so nothing fails here."""
    path = settings.socket_description
    part = Path(f"{path}.{os.getpid()}")  # Another process may be writing its own.
    try:
        _delete_left_behind(path)
        part.write_bytes(msgspec.json.encode(document()))
        part.replace(path)
    except OSError as error:
        log.warning("description_not_written", path=str(path), error=str(error))
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _delete_left_behind(path: Path) -> None:
    """What processes that were killed in the midst of `publish` could not rename any more."""
    for part in path.parent.glob(f"{path.name}.*"):
        pid = part.suffix.removeprefix(".")
        if pid.isdecimal() and not _is_alive(int(pid)):
            part.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # It lives, as somebody else's.
    return True


ORIGIN = "That of the server's own pages, or one that it allows"
HANDSHAKE: Schema = {
    "method": "GET",
    "headers": {
        "type": "object",
        "required": ["Origin"],
        "properties": {"Origin": {"type": "string", "description": ORIGIN}},
    },
    "bindingVersion": "0.1.0",
}


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document()), indent=2) + b"\n")
