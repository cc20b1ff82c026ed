"""Pages for people, by Quart: the API's documentation. Uploads and streams come in here too.

Quart words its errors as HTML; a client of ours gets the envelope from every path.
"""

from __future__ import annotations

from typing import Any

import quart
import structlog
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from http_api.envelope import failure
from http_api.exchange import BODY_BYTES_MAX, Response
from storage import errors

DOCS = "/api/v1/docs"
DOCS_STYLE = "/api/v1/docs/style.css"
PATHS = frozenset({DOCS, DOCS_STYLE})

BODY_SECONDS_MAX = 20
RESPONSE_SECONDS_MAX = 60

log = structlog.get_logger()

REFUSALS: dict[int, type[errors.Refusal]] = {
    refusal.http_status: refusal
    for refusal in (
        errors.MalformedInput,
        errors.InvalidInput,
        errors.Unauthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.MethodNotAllowed,
        errors.PayloadTooLarge,
        errors.UnsupportedMediaType,
        errors.TooManyRequests,
        errors.Unavailable,
    )
}


def create_pages(docs_page: dict[str, Any]) -> QuartTrio:
    """`docs_page` is what the documentation shows: see docs_page.py."""
    app = QuartTrio(__name__, static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=BODY_BYTES_MAX,
        BODY_TIMEOUT=BODY_SECONDS_MAX,
        RESPONSE_TIMEOUT=RESPONSE_SECONDS_MAX,
        PROPAGATE_EXCEPTIONS=False,
    )

    @app.get(DOCS)
    async def docs() -> str:
        return await quart.render_template("docs.html", **docs_page, style=DOCS_STYLE)

    @app.get(DOCS_STYLE)
    async def style() -> quart.Response:
        css = await quart.render_template("docs.css")
        return quart.Response(css, mimetype="text/css", headers={"cache-control": "no-cache"})

    word_errors(app)
    return app


def word_errors(app: QuartTrio) -> None:
    """Every error that leaves Quart is our envelope."""

    @app.errorhandler(HTTPException)
    async def refused(error: HTTPException) -> quart.Response:
        return _worded(failure(_refusal_of(error)))

    @app.errorhandler(errors.Refusal)
    async def refused_by_us(refusal: errors.Refusal) -> quart.Response:
        return _worded(failure(refusal))

    @app.errorhandler(Exception)
    async def failed(error: Exception) -> quart.Response:
        log.error("page_failed", path=quart.request.path, exc_info=error)
        return _worded(failure(errors.InternalError("server", "look for the request id")))


def _refusal_of(error: HTTPException) -> errors.Refusal:
    allowed = getattr(error, "valid_methods", None) or ()
    if error.code == errors.MethodNotAllowed.http_status:
        return errors.MethodNotAllowed("method", ", ".join(sorted(allowed)))
    kind = REFUSALS.get(error.code or 500)
    if kind is None:
        kind = errors.MalformedInput if (error.code or 500) < 500 else errors.InternalError
    return kind("request", error.name)


def _worded(response: Response) -> quart.Response:
    worded = quart.Response(response.body, response.status)
    worded.headers.clear()
    for name, value in response.headers:
        worded.headers.add(name.decode(), value.decode())
    worded.headers["content-length"] = str(len(response.body))
    return worded
