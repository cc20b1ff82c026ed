"""The front of this door: every request comes in here, and every answer leaves in one shape.

In order: host, OPTIONS, then a fixed document, a page, a route of the API, or one of the web
client's files. Whatever goes wrong on the way is worded as the envelope, once, here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias

import structlog
import trio

from http_api.address import client_address
from http_api.endpoint import Door, Route
from http_api.envelope import failure
from http_api.exchange import ClientGone, Message, Receive, Request, Response, Scope, Send
from http_api.router import Router
from http_api.static import Files
from storage.errors import InternalError, MethodNotAllowed, NotFound, Refusal
from storage.ids import new_id

API = "/api/v1"
READING = ("GET", "HEAD", "OPTIONS")

ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Document: TypeAlias = Callable[[], Awaitable[Response]]

log = structlog.get_logger()


class App:
    """An ASGI application.

    `documents` answers single paths, to GET; `pages` is another application, for every path in
    `page_paths`.
    """

    def __init__(
        self,
        door: Door,
        routes: Iterable[Route],
        *,
        documents: Mapping[str, Document],
        pages: ASGIApp,
        page_paths: frozenset[str],
        files: Files,
    ) -> None:
        self._door = door
        self._guard = door.guard
        self._router = Router(routes)
        self._documents = documents
        self._pages = pages
        self._page_paths = page_paths
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "the server beneath takes no upgrades and asks nothing else"
        address = client_address(scope, behind_proxy=self._guard.public_url is not None)
        request = Request(scope, receive, request_id=str(new_id()), address=address)
        await self._serve(request, _Outgoing(request, self._guard.headers(request), send))

    async def _serve(self, request: Request, outgoing: _Outgoing) -> None:
        started_seconds = trio.current_time()
        try:
            try:
                await self._answer(request, outgoing)
            except Refusal as refusal:
                await outgoing.respond(failure(refusal))
            except ClientGone:
                pass
            except Exception:
                # Whatever it is, it is this request's alone: the others go on.
                log.exception("request_failed", request_id=request.id, path=request.path)
                if outgoing.status is None:
                    await outgoing.respond(failure(InternalError("server", request.id)))
        finally:
            log.info(
                "request",
                request_id=request.id,
                method=request.method,
                path=request.path,
                status=outgoing.status,
                address=request.address,
                milliseconds=round((trio.current_time() - started_seconds) * 1000, 1),
            )

    async def _answer(self, request: Request, outgoing: _Outgoing) -> None:
        self._guard.check_host(request)
        if request.method == "OPTIONS":
            await outgoing.respond(self._options(request))
        elif request.path in self._page_paths:
            await self._pages(request.scope, request.receive, outgoing.send)
        else:
            await outgoing.respond(await self._response(request))

    async def _response(self, request: Request) -> Response:
        document = self._documents.get(request.path)
        if document is None and _is_api(request.path):
            route, values = self._router.find(request.method, request.path.removeprefix(API))
            return await route.view(self._door, route, request, values)
        if request.method not in READING:
            raise MethodNotAllowed("method", ", ".join(sorted(READING)))
        if document is not None:
            return await document()
        if _is_under(request.path, "/api") or _is_under(request.path, "/health"):
            raise NotFound("path", "there is nothing here")
        return self._files.answer(request)

    def _options(self, request: Request) -> Response:
        routed = _is_api(request.path) and self._router.methods(request.path.removeprefix(API))
        methods = routed or sorted(READING)
        allow = (b"allow", ", ".join(methods).encode())
        return Response(204, b"", [allow, *self._guard.preflight(request)])


class _Outgoing:
    """Adds what every response carries to whichever response is sent, and remembers its status."""

    def __init__(self, request: Request, headers: list[tuple[bytes, bytes]], send: Send) -> None:
        self._request = request
        self._headers = [(b"x-request-id", request.id.encode()), *headers]
        self._send = send
        self.status: int | None = None

    async def respond(self, response: Response) -> None:
        await response.send(self.send, head_only=self._request.method == "HEAD")

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = {name for name, _ in self._headers}
            kept = [
                (name, value)
                for name, value in message["headers"]
                if name not in own or name == b"vary"
            ]
            message = {**message, "headers": [*kept, *self._headers]}
        await self._send(message)


def _is_api(path: str) -> bool:
    return _is_under(path, API)


def _is_under(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")
