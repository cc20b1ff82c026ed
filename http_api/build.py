"""The whole application over an open gate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import trio

from http_api import collection, openapi, pages
from http_api.app import API, App, ASGIApp, Document
from http_api.config import config_of
from http_api.docs_page import docs_page
from http_api.endpoint import Door, Route
from http_api.envelope import success
from http_api.exchange import Response
from http_api.health import Health, probes_of
from http_api.security import Guard
from http_api.sign_in import Sessions
from http_api.static import Files
from storage.errors import NotFound
from storage.gate import Gate

WEB_CLIENT = Path(__file__).parents[1] / "web" / "dist"


def create_app(
    gate: Gate, sessions: Sessions, routes: Sequence[Route], *, web_client: Path = WEB_CLIENT
) -> App:
    """Reads the web client's files, which must be built by now."""
    health = Health(probes_of(gate))
    description = openapi.document(routes)
    documents: dict[str, Document] = {
        "/health": health.whole,
        "/health/live": _answering(health.live),
        "/health/ready": health.ready,
        f"{API}/config": _answering(lambda: success(config_of(gate.settings))),
        f"{API}/openapi.json": _answering(lambda: openapi.response(description)),
        f"{API}/collection.json": _answering(lambda: collection.response(description)),
        f"{API}/asyncapi.json": partial(_described_by_socket, gate.settings.socket_description),
    }
    return App(
        Door(gate, sessions, Guard.of(gate.settings)),
        routes,
        documents=documents,
        # The same calls, with typed dictionaries where ours are mappings.
        pages=cast("ASGIApp", pages.create_pages(docs_page(description))),
        page_paths=pages.PATHS,
        files=Files(web_client),
    )


async def _described_by_socket(path: Path) -> Response:
    """What the socket's process wrote when it started: the doors never meet."""
    try:
        body = await trio.Path(path).read_bytes()
    except OSError:
        raise NotFound("path", "the socket is not described here yet") from None
    kind = (b"content-type", b"application/json")
    return Response(200, body, [kind, (b"cache-control", b"no-cache")])


def _answering(answer: Callable[[], Response]) -> Callable[[], Awaitable[Response]]:
    async def document() -> Response:
        return answer()

    return document
