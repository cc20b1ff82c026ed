"""The HTTP door over the test's own database, and people who knock at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from http_api.app import App
from http_api.build import create_app
from http_api.endpoint import Route
from http_api.sign_in import Sessions
from storage.actor import Actor
from storage.domains import identity
from storage.gate import Gate
from storage.settings import Settings
from tests.http_api.notebook import ROUTES

ORIGIN = "http://127.0.0.1:8000"


@pytest.fixture
def web_client(tmp_path: Path) -> Path:
    """A built web client: its page, and one file named by its content."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Loopync</title>" + "<p>" * 1000)
    (folder / "assets" / "app-1a2b.js").write_text("export const words = 'hello';" * 100)
    (folder / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return folder


def app_over(gate: Gate, web_client: Path, routes: Sequence[Route]) -> App:
    sessions = Sessions(partial(identity.actor_of, gate.database, gate.settings))
    return create_app(gate, sessions, routes, web_client=web_client)


@pytest.fixture
def app(gate: Gate, web_client: Path) -> App:
    """The whole application, with the notebook's table in place of the domains'."""
    return app_over(gate, web_client, ROUTES)


@asynccontextmanager
async def client_of(
    app: App, settings: Settings, actor: Actor | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 1234), raise_app_exceptions=True)
    headers = {} if actor is None else {"authorization": f"Bearer {token_of(settings, actor)}"}
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
        yield client


@pytest.fixture
async def stranger(app: App, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who is not signed in."""
    async with client_of(app, settings) as client:
        yield client


def token_of(settings: Settings, actor: Actor) -> str:
    session = identity.StartedSession(
        user_id=actor.user_id, session_id=actor.session_id, generation=1, role=actor.role
    )
    return identity.tokens_of(settings, session).access_token
