import dataclasses
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from http_api.app import App
from http_api.security import Guard
from storage.gate import Gate
from storage.settings import Settings
from tests.http_api.conftest import app_over, client_of, token_of
from tests.http_api.notebook import ROUTES
from tests.world import World


@pytest.fixture
async def public(gate: Gate, web_client: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A stranger at a server that stands behind a proxy with a name and a certificate."""
    gate.settings = dataclasses.replace(gate.settings, public_url="https://loopync.example")
    async with client_of(app_over(gate, web_client, ROUTES), gate.settings) as client:
        client.base_url = httpx.URL("https://loopync.example")
        yield client


# ---- every answer


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/config", "/api/v1/nothing", "/api/v1/docs", "/health/live"]
)
async def test_every_answer_protects_the_browser(stranger: httpx.AsyncClient, path: str) -> None:
    headers = (await stranger.get(path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=(self)" in headers["permissions-policy"]
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self' ws://127.0.0.1:8001"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "strict-transport-security" not in headers


async def test_a_public_server_asks_for_https_and_names_its_socket(
    public: httpx.AsyncClient,
) -> None:
    headers = (await public.get("/")).headers

    assert headers["strict-transport-security"].startswith("max-age=")
    assert "connect-src 'self' wss://loopync.example;" in headers["content-security-policy"]


async def test_every_answer_has_an_id_of_its_own(stranger: httpx.AsyncClient) -> None:
    first = await stranger.get("/health/live", headers={"x-request-id": "mine\x1b[31m"})
    second = await stranger.get("/nothing")

    assert len(first.headers["x-request-id"]) == 36
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "10.0.0.9", ""])
async def test_a_foreign_name_is_not_answered(stranger: httpx.AsyncClient, host: str) -> None:
    response = await stranger.get("/api/v1/config", headers={"host": host})

    assert response.status_code == 400
    assert response.json()["error"]["subject"] == "host"
    assert "evil" not in response.headers["content-security-policy"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9999", "[::1]:8000", "LOCALHOST"])
async def test_loopback_names_are_answered(stranger: httpx.AsyncClient, host: str) -> None:
    assert (await stranger.get("/api/v1/config", headers={"host": host})).status_code == 200


async def test_a_server_on_every_interface_is_reached_by_address_but_not_by_any_name(
    gate: Gate, web_client: Path
) -> None:
    gate.settings = dataclasses.replace(gate.settings, host="0.0.0.0")
    async with client_of(app_over(gate, web_client, ROUTES), gate.settings) as client:
        by_address = await client.get("/api/v1/config", headers={"host": "192.168.1.5:8000"})
        by_name = await client.get("/api/v1/config", headers={"host": "rebound.example:8000"})

    assert "ws://192.168.1.5:8001" in by_address.headers["content-security-policy"]
    assert (by_address.status_code, by_name.status_code) == (200, 400)


# ---- what is not there, and what is not allowed


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/pages", "/health/x"],
)
async def test_an_unknown_path_of_the_api_is_json(stranger: httpx.AsyncClient, path: str) -> None:
    response = await stranger.get(path)

    assert response.status_code == response.json()["status_code"] == 404
    assert response.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/api/v1/pages", "DELETE, GET, HEAD, OPTIONS"),
        ("GET", "/api/v1/hurry", "OPTIONS, POST"),
        ("POST", "/api/v1/config", "GET, HEAD, OPTIONS"),
        ("DELETE", "/health", "GET, HEAD, OPTIONS"),
        ("POST", "/chats", "GET, HEAD, OPTIONS"),
        ("POST", "/api/v1/docs", "GET, HEAD, OPTIONS"),
        ("BREW", "/api/v1/pages", "DELETE, GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(
    stranger: httpx.AsyncClient, method: str, path: str, allow: str
) -> None:
    response = await stranger.request(method, path)

    assert response.status_code == 405
    assert response.json()["error"]["code"] == "method_not_allowed"
    assert response.headers["allow"] == allow


async def test_options_says_what_is_allowed(stranger: httpx.AsyncClient) -> None:
    response = await stranger.options("/api/v1/pages")

    assert response.status_code == 204
    assert response.headers["allow"] == "DELETE, GET, HEAD, OPTIONS"
    assert response.content == b""


@pytest.mark.parametrize("path", ["/", "/api/v1/config", "/api/v1/nothing", "/api/v1/docs"])
async def test_head_is_get_without_the_body(stranger: httpx.AsyncClient, path: str) -> None:
    got = await stranger.get(path)
    headed = await stranger.head(path)

    assert (headed.status_code, headed.content) == (got.status_code, b"")
    assert headed.headers["content-length"] == got.headers["content-length"]


async def test_no_other_origin_may_read_answers(stranger: httpx.AsyncClient) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "GET"}
    asked = await stranger.options("/api/v1/config", headers=headers)
    got = await stranger.get("/api/v1/config", headers=headers)

    for response in (asked, got):
        assert not [name for name in response.headers if name.startswith("access-control")]


async def test_a_listed_origin_may_and_no_other(app: App, settings: Settings) -> None:
    app._guard = Guard.of(
        dataclasses.replace(settings, cors_origins=frozenset({"https://friend.example"}))
    )
    async with client_of(app, settings) as client:
        friend = await client.options(
            "/api/v1/config", headers={"origin": "https://friend.example"}
        )
        got = await client.get("/api/v1/config", headers={"origin": "https://friend.example"})
        foe = await client.options("/api/v1/config", headers={"origin": "https://foe.example"})

    assert friend.headers["access-control-allow-origin"] == "https://friend.example"
    assert "authorization" in friend.headers["access-control-allow-headers"]
    assert got.headers["access-control-allow-origin"] == "https://friend.example"
    assert "access-control-allow-credentials" not in friend.headers
    assert "access-control-allow-origin" not in foe.headers
    assert foe.headers["vary"] == "origin"


# ---- the client's files


async def test_the_app_answers_every_path_of_its_own(stranger: httpx.AsyncClient) -> None:
    for path in (
        "/",
        "/chats",
        "/chats/019a",
        "/settings",
        "/..%2f..%2fetc/passwd",
        "/../../etc/passwd",
    ):
        response = await stranger.get(path)

        assert response.status_code == 200
        assert "<title>Loopync</title>" in response.text
        assert response.headers["cache-control"] == "no-cache"


async def test_files_named_by_content_are_kept_for_ever(stranger: httpx.AsyncClient) -> None:
    response = await stranger.get("/assets/app-1a2b.js")

    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "hello" in response.text


async def test_a_missing_chunk_is_missing(stranger: httpx.AsyncClient) -> None:
    response = await stranger.get("/assets/app-0000.js")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


async def test_files_are_zipped_for_those_who_can(app: App, stranger: httpx.AsyncClient) -> None:
    zipped = await stranger.get("/", headers={"accept-encoding": "br, gzip;q=0.8"})
    plain = await stranger.get("/", headers={"accept-encoding": "gzip;q=0"})

    assert zipped.headers["content-encoding"] == "gzip"
    assert int(zipped.headers["content-length"]) < len(plain.content)
    assert "content-encoding" not in plain.headers
    assert zipped.content == plain.content == gzip.decompress(gzip.compress(plain.content))
    assert zipped.headers["vary"] == plain.headers["vary"] == "accept-encoding"


async def test_a_file_that_one_has_is_not_sent_again(stranger: httpx.AsyncClient) -> None:
    etag = (await stranger.get("/favicon.svg")).headers["etag"]
    same = await stranger.get("/favicon.svg", headers={"if-none-match": f'"other", {etag}'})
    other = await stranger.get("/favicon.svg", headers={"if-none-match": '"other"'})

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert other.status_code == 200


async def test_a_link_out_of_the_folder_and_hidden_files_are_not_served(
    gate: Gate, web_client: Path
) -> None:
    (web_client / "passwd").symlink_to("/etc/passwd")
    (web_client / ".env").write_text("SECRET=1")
    async with client_of(app_over(gate, web_client, ROUTES), gate.settings) as client:
        for path in ("/passwd", "/.env"):
            assert "<title>Loopync</title>" in (await client.get(path)).text


async def test_without_a_built_client_the_page_says_so(gate: Gate, tmp_path: Path) -> None:
    async with client_of(app_over(gate, tmp_path / "none", ROUTES), gate.settings) as client:
        response = await client.get("/")

    assert response.status_code == 503
    assert "has not been built" in response.text


# ---- config and health


async def test_a_client_learns_where_the_socket_is(stranger: httpx.AsyncClient) -> None:
    data = (await stranger.get("/api/v1/config")).json()["data"]

    assert data.pop("version").count(".") == 2
    assert data == {"wsPort": 8001, "wsPath": "/ws", "wsUrl": None, "demo": False}


async def test_a_public_server_says_the_whole_address(public: httpx.AsyncClient) -> None:
    data = (await public.get("/api/v1/config")).json()["data"]

    assert data["wsUrl"] == "wss://loopync.example/ws"


# ---- the proxy


async def test_behind_our_proxy_the_address_is_the_one_that_it_saw(
    public: httpx.AsyncClient, app: App, settings: Settings, world: World
) -> None:
    seen = []
    door = app._door

    async def find(token: str, address: str) -> object:
        seen.append(address)
        return world.ana

    door.sessions._find = find  # type: ignore[assignment]  # Only the address matters here.
    forwarded = {"x-forwarded-for": "203.0.113.9, 198.51.100.4", "authorization": "Bearer x"}
    app._guard = dataclasses.replace(app._guard, public_url="https://loopync.example")
    for peer in ("127.0.0.1", "192.0.2.7"):
        transport = httpx.ASGITransport(app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            await client.delete("/api/v1/pages", headers=forwarded)

    assert seen == ["198.51.100.4", "192.0.2.7"]


async def test_without_a_proxy_nobody_chooses_their_address(
    app: App, settings: Settings, world: World
) -> None:
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    token = token_of(settings, world.ana)
    headers = {"x-forwarded-for": "203.0.113.9", "authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        await client.get("/api/v1/pages", headers=headers)

    assert [address for _, address in app._door.sessions._live] == ["127.0.0.1"]
