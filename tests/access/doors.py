"""Both doors as one of the people would use them: a request in, an answer out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import httpx
import msgspec
import trio
import trio_websocket

from http_api.build import create_app
from http_api.endpoint import Route
from http_api.routes import ROUTES
from http_api.sign_in import Sessions
from realtime.commands.surface import COMMANDS
from realtime.main import serve
from realtime.reactor import SocketLimits, listen
from storage.actor import Actor
from storage.domains import identity
from storage.gate import Gate

ANSWER_SECONDS_MAX = 10
ORIGIN = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Answer:
    """`code` is "ok" or the refusal's; `text` is all that the asker got to read."""

    code: str
    text: str

    @classmethod
    def of(cls, reply: Any) -> Answer:
        if reply["success"]:
            return cls("ok", msgspec.json.encode(reply["data"]).decode())
        return cls(reply["error"]["code"], msgspec.json.encode(reply["error"]).decode())


class Door(Protocol):
    names: frozenset[str]

    async def ask(self, actor: Actor | None, name: str, body: dict[str, Any]) -> Answer: ...


class Http:
    def __init__(self, client: httpx.AsyncClient, gate: Gate) -> None:
        self._client = client
        self._gate = gate
        self._routes = {route.action.name: route for route in ROUTES}
        self.names = frozenset(self._routes)

    async def ask(self, actor: Actor | None, name: str, body: dict[str, Any]) -> Answer:
        route = self._routes[name]
        headers = {}
        if actor is not None:
            headers["authorization"] = f"Bearer {token_of(self._gate, actor)}"
        response = await self._client.request(route.method, **_placed(route, body), headers=headers)
        return Answer.of(response.json())


class Socket:
    """A new connection for each question."""

    def __init__(self, port: int, gate: Gate) -> None:
        self._port = port
        self._gate = gate
        self.names = frozenset(COMMANDS)

    async def ask(self, actor: Actor | None, name: str, body: dict[str, Any]) -> Answer:
        url = f"ws://127.0.0.1:{self._port}/ws"
        with trio.fail_after(ANSWER_SECONDS_MAX):
            async with trio_websocket.open_websocket_url(
                url, extra_headers=[(b"Origin", ORIGIN.encode())]
            ) as connection:
                if actor is not None:
                    token = token_of(self._gate, actor)
                    await _request(connection, 1, "connect", {"token": token, "have": {}})
                return Answer.of(await _request(connection, 2, name, body))


@asynccontextmanager
async def open_http(gate: Gate, folder: Path) -> AsyncIterator[Http]:
    (folder / "index.html").write_text("<!doctype html>")
    sessions = Sessions(partial(identity.actor_of, gate.database, gate.settings))
    app = create_app(gate, sessions, ROUTES, web_client=folder)
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 1234))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield Http(client, gate)


@asynccontextmanager
async def open_socket(gate: Gate) -> AsyncIterator[Socket]:
    listener = listen("127.0.0.1", 0, reuse_port=False)
    port: int = listener.getsockname()[1]
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve, gate, listener, limits=SocketLimits()))
        yield Socket(port, gate)
        nursery.cancel_scope.cancel()


def token_of(gate: Gate, actor: Actor) -> str:
    session = identity.StartedSession(
        user_id=actor.user_id, session_id=actor.session_id, generation=1, role=actor.role
    )
    return identity.tokens_of(gate.settings, session).access_token


def _placed(route: Route, body: dict[str, Any]) -> dict[str, Any]:
    """The values where the route wants them: in the path, and else in the query or the body."""
    path, left = route.path, dict(body)
    for name in body:
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", str(left.pop(name)))
    request: dict[str, Any] = {"url": f"/api/v1{path}"}
    if route.method in ("GET", "DELETE"):
        request["params"] = {
            name: ",".join(value) if isinstance(value, list) else value
            for name, value in left.items()
        }
    else:
        request["json"] = left
    return request


async def _request(
    connection: trio_websocket.WebSocketConnection,
    request_id: int,
    event: str,
    body: dict[str, Any],
) -> Any:
    frame = {"id": request_id, "event": event, "data": body}
    await connection.send_message(msgspec.json.encode(frame).decode())
    while True:
        reply = msgspec.json.decode(await connection.get_message())
        if reply.get("id") == request_id:
            return reply
