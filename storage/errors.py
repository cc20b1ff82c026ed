"""Every refusal a client can receive, whichever door it came through.

A refusal is an answer, not a failure: the caller asked for something the rules do not
allow. Whatever else goes wrong is a bug or an outage, and nothing below the doors
catches it.
"""

from typing import Any, ClassVar, Final

SUBJECT_CHARACTERS_MAX = 100
HINT_CHARACTERS_MAX = 300


class Refusal(Exception):
    """`subject` names what was refused (a field, a thing), `hint` says what is allowed."""

    code: ClassVar[str]
    http_status: ClassVar[int]
    retry: ClassVar[bool] = False

    def __init__(
        self, subject: str, hint: str = "", *, retry_after_seconds: float | None = None
    ) -> None:
        # Some of it may be the asker's own words, and an answer must not grow with them.
        self.subject = subject[:SUBJECT_CHARACTERS_MAX]
        self.hint = hint[:HINT_CHARACTERS_MAX]
        super().__init__(f"{self.subject} {self.hint}".strip())
        self.retry_after_seconds = retry_after_seconds

    def body(self) -> dict[str, object]:
        body: dict[str, object] = {
            "code": self.code,
            "subject": self.subject,
            "hint": self.hint,
            "retry": self.retry,
        }
        if self.retry_after_seconds is not None:
            body["retryAfter"] = round(self.retry_after_seconds, 3)
        return body


class InvalidInput(Refusal):
    code = "invalid_input"
    http_status = 422


class MalformedInput(InvalidInput):
    """Not even JSON: the same code for clients, but HTTP has a status of its own for it."""

    http_status = 400


class Unauthenticated(Refusal):
    code = "unauthenticated"
    http_status = 401


class Forbidden(Refusal):
    """What one may see, but not do."""

    code = "forbidden"
    http_status = 403


class NotFound(Refusal):
    """What does not exist, or what one may not see: one answer, so that ids cannot be probed."""

    code = "not_found"
    http_status = 404


class MethodNotAllowed(Refusal):
    code = "method_not_allowed"
    http_status = 405


class Conflict(Refusal):
    code = "conflict"
    http_status = 409


class PayloadTooLarge(Refusal):
    code = "payload_too_large"
    http_status = 413


class UnsupportedMediaType(Refusal):
    code = "unsupported_media_type"
    http_status = 415


class TooManyRequests(Refusal):
    code = "too_many_requests"
    http_status = 429
    retry = True


class InternalError(Refusal):
    """A bug of ours. Doors answer it for any other exception; nothing raises it on purpose."""

    code = "internal_error"
    http_status = 500
    retry = True


class Unavailable(Refusal):
    """An outage: nothing was acknowledged, and the same request may be sent again."""

    code = "unavailable"
    http_status = 503
    retry = True


KINDS: Final[tuple[type[Refusal], ...]] = (
    MalformedInput,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    PayloadTooLarge,
    UnsupportedMediaType,
    InvalidInput,
    TooManyRequests,
    InternalError,
    Unavailable,
)

BODY_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["code", "subject", "hint", "retry"],
    "properties": {
        "code": {"enum": sorted({kind.code for kind in KINDS})},
        "subject": {"type": "string", "description": "Which field or thing was refused"},
        "hint": {"type": "string", "description": "What is allowed"},
        "retry": {"type": "boolean", "description": "Whether the same request may be sent again"},
        "retryAfter": {"type": "number", "description": "Seconds to wait before that"},
    },
}
"""JSON Schema of `Refusal.body`, for the documents that describe the doors."""
