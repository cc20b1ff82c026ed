"""Whatever goes wrong inside Quart is worded as everywhere else."""

import json

import pytest
import quart
from quart_trio import QuartTrio

from http_api.pages import word_errors
from storage.errors import Conflict


@pytest.fixture
def pages() -> QuartTrio:
    app = QuartTrio(__name__)
    app.config.update(MAX_CONTENT_LENGTH=10, PROPAGATE_EXCEPTIONS=False)
    word_errors(app)

    @app.post("/upload")
    async def upload() -> str:
        await quart.request.get_data()
        return "taken"

    @app.get("/teapot")
    async def teapot() -> str:
        quart.abort(418)

    @app.get("/refused")
    async def refused() -> str:
        raise Conflict("page", "was torn out")

    @app.get("/failed")
    async def failed() -> str:
        raise RuntimeError("hunter2")

    return app


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/upload", 405, "method_not_allowed"),
        ("GET", "/teapot", 400, "invalid_input"),
        ("GET", "/refused", 409, "conflict"),
        ("GET", "/failed", 500, "internal_error"),
        ("POST", "/teapot", 405, "method_not_allowed"),
    ],
)
async def test_an_error_of_quart_is_the_envelope(
    pages: QuartTrio, method: str, path: str, status: int, code: str
) -> None:
    client = pages.test_client()
    response = await (client.get(path) if method == "GET" else client.post(path))
    answer = json.loads(await response.get_data())

    assert response.status_code == answer["status_code"] == status
    assert answer["error"]["code"] == code
    assert response.headers["content-type"] == "application/json"
    assert "hunter2" not in json.dumps(answer)


async def test_a_body_that_is_too_large_for_quart_is_the_envelope(pages: QuartTrio) -> None:
    response = await pages.test_client().post("/upload", data=b"a" * 11)

    assert response.status_code == 413
    assert json.loads(await response.get_data())["error"]["code"] == "payload_too_large"


async def test_a_wrong_method_is_told_the_right_ones(pages: QuartTrio) -> None:
    response = await pages.test_client().get("/upload")

    assert response.headers["allow"] == "OPTIONS, POST"
