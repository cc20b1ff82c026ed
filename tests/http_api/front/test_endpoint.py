from collections.abc import AsyncIterator

import httpx
import pytest

from http_api.app import App
from storage.database import DatabaseUnavailable
from storage.gate import Gate
from storage.ids import new_id
from storage.settings import Settings
from tests.http_api.conftest import client_of, token_of
from tests.world import World

PAGE = str(new_id())
NOTES = f"/api/v1/pages/{PAGE}/notes"


@pytest.fixture
async def ana(app: App, settings: Settings, world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, settings, world.ana) as client:
        yield client


async def test_ana_writes_a_note(ana: httpx.AsyncClient, world: World) -> None:
    response = await ana.post(NOTES, json={"text": "hello", "stars": 3})

    answer = response.json()
    assert response.status_code == 201
    assert answer["success"] is True
    assert answer["timestamp"].endswith("Z")
    assert answer["data"] == {
        "pageId": PAGE,
        "text": "hello",
        "stars": 3,
        "authorId": str(world.ana.user_id),
    }


async def test_ana_asks_in_the_address(ana: httpx.AsyncClient) -> None:
    other = str(new_id())
    response = await ana.get(f"/api/v1/pages?pageIds={PAGE},{other}&limit=7&draft=true")

    assert response.json()["data"] == {"pageIds": [PAGE, other], "limit": 7, "draft": True}


async def test_a_repeated_path_value_is_taken_in_the_body(ana: httpx.AsyncClient) -> None:
    response = await ana.post(NOTES, json={"text": "hello", "pageId": PAGE})

    assert response.status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "subject", "hint"),
    [
        (b"{", 400, "body", "must be JSON"),
        (b'{"text": "\xff"}', 400, "body", "must be JSON"),
        (b"[" * 100_000, 400, "body", "must be JSON"),
        (b"[]", 422, "body", "must be a JSON object"),
        (b"{}", 422, "text", "is required"),
        (b'{"text": 5}', 422, "text", "Expected str, got int"),
        (b'{"text": ""}', 422, "text", "Expected str of length >= 1"),
        (b'{"text": "hello", "stars": "3"}', 422, "stars", "Expected int, got str"),
        (b'{"text": "hello", "star": 3}', 422, "star", "is not a known field"),
        (
            b'{"text": "hello", "pageId": "019a5a3c-7f00-7000-8000-000000000b01"}',
            422,
            "pageId",
            "is not the same in the path and in the body",
        ),
    ],
)
async def test_a_wrong_body_is_refused_by_name(
    ana: httpx.AsyncClient, body: bytes, status: int, subject: str, hint: str
) -> None:
    response = await ana.post(NOTES, content=body, headers={"content-type": "application/json"})

    assert response.status_code == response.json()["status_code"] == status
    assert response.json()["error"] == {
        "code": "invalid_input",
        "subject": subject,
        "hint": hint,
        "retry": False,
    }


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("/api/v1/pages", "pageIds"),
        (f"/api/v1/pages?pageIds={PAGE}&limit=0", "limit"),
        (f"/api/v1/pages?pageIds={PAGE}&limit=many", "limit"),
        (f"/api/v1/pages?pageIds={PAGE}&limit=1&limit=2", "limit"),
        (f"/api/v1/pages?pageIds={PAGE}&draft=perhaps", "draft"),
        (f"/api/v1/pages?pageIds={PAGE}&colour=red", "colour"),
        ("/api/v1/pages?pageIds=first", "pageIds"),
        (f"/api/v1/pages?pageIds={PAGE}&limit", "query"),
        ("/api/v1/pages?" + "&".join(f"a{n}=1" for n in range(21)), "query"),
    ],
)
async def test_a_wrong_address_is_refused_by_name(
    ana: httpx.AsyncClient, path: str, subject: str
) -> None:
    response = await ana.get(path)

    assert response.json()["error"]["code"] == "invalid_input"
    assert response.json()["error"]["subject"] == subject


async def test_a_path_value_of_the_wrong_type_is_refused(ana: httpx.AsyncClient) -> None:
    response = await ana.post("/api/v1/pages/first/notes", json={"text": "hello"})

    assert response.status_code == 422
    assert response.json()["error"]["subject"] == "pageId"


async def test_passwords_cannot_be_sent_in_the_address(ana: httpx.AsyncClient) -> None:
    response = await ana.post(f"{NOTES}?text=secret")

    assert response.json()["error"]["subject"] == "query"


async def test_a_body_of_another_type_is_refused(ana: httpx.AsyncClient) -> None:
    response = await ana.post(NOTES, content=b"text=hello", headers={"content-type": "text/plain"})

    assert response.status_code == 415
    assert response.json()["error"]["code"] == "unsupported_media_type"


async def test_a_body_that_is_too_large_is_refused(ana: httpx.AsyncClient) -> None:
    response = await ana.post(NOTES, json={"text": "a" * 256 * 1024})

    assert response.status_code == 413
    assert response.json()["error"]["code"] == "payload_too_large"


async def test_a_body_that_does_not_say_its_size_is_counted(ana: httpx.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b" " * 1024

    response = await ana.post(NOTES, content=parts())

    assert response.status_code == 413


async def test_a_refusal_is_answered_with_its_status(ana: httpx.AsyncClient) -> None:
    response = await ana.delete("/api/v1/pages")

    assert response.status_code == 409
    assert response.json()["error"]["subject"] == "page"


async def test_whoever_asks_too_often_is_told_when_to_come_back(ana: httpx.AsyncClient) -> None:
    response = await ana.post("/api/v1/hurry")

    assert response.status_code == 429
    assert response.headers["retry-after"] == "3"
    assert response.json()["error"]["retryAfter"] == 2.2


async def test_a_bug_is_told_without_its_details(
    ana: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    response = await ana.post("/api/v1/ink")

    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal_error"
    assert "hunter2" not in response.text
    assert response.json()["error"]["hint"] == response.headers["x-request-id"]


@pytest.mark.fault
async def test_without_the_database_everyone_is_told_to_come_back(
    ana: httpx.AsyncClient, app: App, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**options: bool) -> None:
        raise DatabaseUnavailable("gone")

    sessions = app._door.sessions
    await ana.post(NOTES, json={"text": "hello"})
    with monkeypatch.context() as outage:
        outage.setattr(gate.database, "transaction", refuse)
        known = await ana.post(NOTES, json={"text": "hello"})
        sessions.lost()  # Now the token must be looked up, and cannot be.
        first = await ana.post(NOTES, json={"text": "hello"})
    after = await ana.post(NOTES, json={"text": "hello"})

    for response in (known, first):
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "unavailable"
        assert response.json()["error"]["retry"] is True
        assert response.headers["retry-after"] == "1"
    assert after.status_code == 201


async def test_the_same_key_gets_the_first_answer(ana: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": "first"}
    first = await ana.post(NOTES, json={"text": "hello"}, headers=headers)
    again = await ana.post(NOTES, json={"text": "hello"}, headers=headers)
    other = await ana.post(NOTES, json={"text": "bye"}, headers=headers)

    assert again.json()["data"] == first.json()["data"]
    assert other.status_code == 409
    assert other.json()["error"]["subject"] == "idempotencyKey"


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer x.y.z", "Basic QTpC", "Bearer " + "a" * 5000],
)
async def test_nobody_comes_in_without_a_token(
    stranger: httpx.AsyncClient, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    response = await stranger.post(NOTES, json={"text": "hello"}, headers=headers)

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthenticated"


async def test_the_token_of_another_secret_is_refused(
    stranger: httpx.AsyncClient, settings: Settings, world: World
) -> None:
    import dataclasses

    forged = token_of(dataclasses.replace(settings, secret=b"x" * 40), world.ana)
    response = await stranger.post(
        NOTES, json={"text": "hello"}, headers={"authorization": f"Bearer {forged}"}
    )

    assert response.status_code == 401
