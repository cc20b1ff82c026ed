"""Signing up, in and out over HTTP, with tokens in the body or in the browser's cookie."""

import dataclasses
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import pytest

from http_api.routes import ROUTES
from storage.gate import Gate
from tests.http_api.conftest import ORIGIN, app_over, client_of

ANA = {
    "name": "Ana Silva",
    "handle": "ana",
    "email": "ana@example.org",
    "password": "correct horse battery",
}
LOGIN = {"login": "ana", "password": ANA["password"]}
COOKIE = "loopync_refresh_8000"
OWN = {"origin": ORIGIN}


@pytest.fixture
async def client(gate: Gate, web_client: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app_over(gate, web_client, ROUTES), gate.settings) as client:
        yield client


async def post(client: httpx.AsyncClient, path: str, body: Any = None, **headers: str) -> Any:
    return await client.post(f"/api/v1/auth/{path}", json=body, headers=headers)


def bearer(response: httpx.Response) -> dict[str, str]:
    return {"authorization": f"Bearer {response.json()['data']['accessToken']}"}


async def test_ana_signs_up_and_is_herself(client: httpx.AsyncClient) -> None:
    response = await post(client, "signup", ANA)
    data = response.json()["data"]

    assert response.status_code == 201
    assert data["signedIn"] is True
    assert data["expiresIn"] == 900
    assert data["refreshToken"]
    assert (data["user"]["handle"], data["user"]["email"]) == ("ana", "ana@example.org")
    assert "set-cookie" not in response.headers

    me = await client.get("/api/v1/users/me", headers=bearer(response))
    assert me.json()["data"]["id"] == data["user"]["id"]


async def test_no_answer_of_the_api_is_kept(client: httpx.AsyncClient) -> None:
    response = await post(client, "signup", ANA)

    assert response.headers["cache-control"] == "no-store"


async def test_ana_signs_in_and_goes_on_without_a_cookie(client: httpx.AsyncClient) -> None:
    await post(client, "signup", ANA)
    signed_in = (await post(client, "login", LOGIN)).json()["data"]
    gone_on = await post(client, "refresh", {"refreshToken": signed_in["refreshToken"]})

    assert gone_on.json()["data"]["refreshToken"] not in (None, signed_in["refreshToken"])
    assert gone_on.json()["data"]["user"] == signed_in["user"] | {
        "topicSeq": gone_on.json()["data"]["user"]["topicSeq"]
    }


async def test_a_wrong_password_says_no_more_than_that(client: httpx.AsyncClient) -> None:
    await post(client, "signup", ANA)
    wrong = await post(client, "login", LOGIN | {"password": "a wrong password"})
    nobody = await post(client, "login", {"login": "nobody", "password": "a wrong password"})

    assert wrong.status_code == nobody.status_code == 401
    assert wrong.json()["error"] == nobody.json()["error"]


async def test_a_browser_gets_its_token_where_no_script_reads_it(client: httpx.AsyncClient) -> None:
    response = await post(client, "signup", ANA | {"cookie": True})
    cookie = SimpleCookie(response.headers["set-cookie"])[COOKIE]

    assert response.json()["data"]["refreshToken"] is None
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/api/v1/auth"
    assert not cookie["secure"]
    assert cookie.value not in response.text


async def test_behind_https_the_cookie_never_travels_without(gate: Gate, web_client: Path) -> None:
    gate.settings = dataclasses.replace(gate.settings, public_url="https://loopync.example")
    async with client_of(app_over(gate, web_client, ROUTES), gate.settings) as client:
        client.base_url = httpx.URL("https://loopync.example")
        response = await post(client, "signup", ANA | {"cookie": True})

    assert SimpleCookie(response.headers["set-cookie"])[COOKIE]["secure"]


async def test_a_page_goes_on_with_its_cookie(client: httpx.AsyncClient) -> None:
    await post(client, "signup", ANA | {"cookie": True})
    before = client.cookies[COOKIE]
    response = await post(client, "refresh", **OWN)

    assert response.json()["data"]["user"]["handle"] == "ana"
    assert response.json()["data"]["refreshToken"] is None
    assert client.cookies[COOKIE] != before


async def test_a_page_without_a_cookie_is_signed_out_and_that_is_no_error(
    client: httpx.AsyncClient,
) -> None:
    response = await post(client, "refresh")

    assert (response.status_code, response.json()["data"]) == (200, {"signedIn": False})


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8001", None])
@pytest.mark.parametrize("path", ["refresh", "logout"])
async def test_another_sites_page_cannot_use_the_cookie(
    client: httpx.AsyncClient, path: str, origin: str | None
) -> None:
    await post(client, "signup", ANA | {"cookie": True})
    response = await post(client, path, **({"origin": origin} if origin else {}))

    assert response.status_code == 403
    assert response.json()["error"]["subject"] == "origin"
    assert (await post(client, "refresh", **OWN)).json()["data"]["signedIn"] is True


async def test_a_cookie_that_is_worth_nothing_is_taken_back(client: httpx.AsyncClient) -> None:
    client.cookies.set(COOKIE, "worthless", domain="127.0.0.1", path="/api/v1/auth")
    response = await post(client, "refresh", **OWN)

    assert response.status_code == 401
    assert SimpleCookie(response.headers["set-cookie"])[COOKIE]["max-age"] == "0"


async def test_signing_out_ends_the_session(client: httpx.AsyncClient) -> None:
    signed_in = await post(client, "signup", ANA | {"cookie": True})
    token = client.cookies[COOKIE]
    signed_out = await post(client, "logout", **OWN)

    assert (signed_out.status_code, signed_out.json()["data"]) == (200, {})
    assert COOKIE not in client.cookies
    assert (await post(client, "refresh", {"refreshToken": token})).status_code == 401
    me = await client.get("/api/v1/users/me", headers=bearer(signed_in))
    assert me.status_code == 401


async def test_guessing_at_an_account_is_slowed_down(gate: Gate, web_client: Path) -> None:
    gate.limits._scale = 1.0
    async with client_of(app_over(gate, web_client, ROUTES), gate.settings) as client:
        guesses = [await post(client, "login", LOGIN) for _ in range(6)]

    assert [guess.status_code for guess in guesses] == [401] * 5 + [429]
    assert int(guesses[-1].headers["retry-after"]) > 0


async def test_nothing_secret_is_logged(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_up = await post(client, "signup", ANA)
    await client.get("/api/v1/users/me", headers=bearer(signed_up))
    await client.get("/api/v1/users?query=findable", headers=bearer(signed_up))
    said = "".join(capsys.readouterr())

    assert "/api/v1/users/me" in said
    data = signed_up.json()["data"]
    for secret in (ANA["password"], data["accessToken"], data["refreshToken"], "findable"):
        assert secret not in said


async def test_an_empty_token_in_the_body_does_not_get_the_cookies_out(
    client: httpx.AsyncClient,
) -> None:
    """Else any script in the page could read what the cookie hides from it."""
    await post(client, "signup", ANA | {"cookie": True})
    response = await client.post(
        "/api/v1/auth/refresh", json={"refreshToken": ""}, headers={"origin": ORIGIN}
    )
    assert response.status_code == 401
    assert "data" not in response.json()
