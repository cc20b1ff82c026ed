"""The one shape of every JSON answer: data or an error, and when."""

from __future__ import annotations

import math
from typing import Any

from http_api.exchange import Headers, Response
from storage.clock import utc_now
from storage.errors import MethodNotAllowed, Refusal
from storage.words import encode_json

JSON: Headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


def success(data: Any, status: int = 200) -> Response:
    body = {"success": True, "data": data, "timestamp": utc_now()}
    return Response(status, encode_json(body), list(JSON))


def failure(refusal: Refusal, data: Any = None) -> Response:
    """`data` says more where an error alone would not do, as in the health report."""
    body: dict[str, Any] = {
        "success": False,
        "error": refusal.body(),
        "status_code": refusal.http_status,
        "timestamp": utc_now(),
    }
    if data is not None:
        body["data"] = data
    headers = list(JSON)
    if refusal.retry_after_seconds is not None:
        # Whole seconds, rounded up: a client that obeys must not come too early.
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(refusal.retry_after_seconds))))
    if isinstance(refusal, MethodNotAllowed):
        headers.append((b"allow", refusal.hint.encode()))
    return Response(refusal.http_status, encode_json(body), headers)
