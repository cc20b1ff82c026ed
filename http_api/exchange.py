"""One request and one response, as the rest of this door sees them: ASGI stays in here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeAlias

import trio

from storage.errors import MalformedInput, PayloadTooLarge

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

BODY_BYTES_MAX = 256 * 1024
BODY_PARTS_MAX = 2_000
"""A body of one-byte chunks costs a thousand times what its size says."""

BODY_SECONDS_MAX = 20.0
COOKIE_CHARACTERS_MAX = 4096


class ClientGone(Exception):
    """The client hung up before it had said everything: nobody is left to answer."""


@dataclass(slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: Headers = field(default_factory=list)
    """Names in lower case. `content-length` is added when it is sent."""

    async def send(self, send: Send, *, head_only: bool = False) -> None:
        headers = self.headers
        if self.status not in (204, 304):
            headers = [*headers, (b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head_only else self.body})


class Request:
    """What a client asked. `address` is whom limits count; `id` finds it in the log."""

    def __init__(self, scope: Scope, receive: Receive, *, request_id: str, address: str) -> None:
        self.scope = scope
        self.receive = receive
        self.id = request_id
        self.address = address
        self.method: str = scope["method"]
        self.path: str = scope["path"]

    @cached_property
    def headers(self) -> dict[str, str]:
        """Names in lower case; a header sent twice is joined as RFC 9110 says."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in self.scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
            joint = "; " if name == "cookie" else ", "
            headers[name] = f"{headers[name]}{joint}{value}" if name in headers else value
        return headers

    @property
    def query(self) -> str:
        query: bytes = self.scope["query_string"]
        return query.decode("latin-1")

    @property
    def host(self) -> str:
        """The name or address that the client believes it speaks to, without the port."""
        host = self.headers.get("host", "").lower()
        if host.startswith("["):
            return host.partition("]")[0] + "]"
        return host.partition(":")[0]

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def cookie(self, name: str) -> str | None:
        text = self.headers.get("cookie", "")
        if len(text) > COOKIE_CHARACTERS_MAX:
            return None
        try:
            morsel = SimpleCookie(text).get(name)
        except CookieError:
            return None
        return morsel.value if morsel is not None else None

    async def body(self, bytes_max: int = BODY_BYTES_MAX) -> bytes:
        """The whole body. Raises PayloadTooLarge, MalformedInput (too slow) or ClientGone."""
        too_large = PayloadTooLarge("body", f"at most {bytes_max} bytes")
        length = self.headers.get("content-length", "")
        if length.isdecimal() and int(length) > bytes_max:
            raise too_large
        body = bytearray()
        parts = 0
        with trio.move_on_after(BODY_SECONDS_MAX):
            while True:
                message = await self.receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                body += message.get("body", b"")
                parts += 1
                if len(body) > bytes_max or parts > BODY_PARTS_MAX:
                    raise too_large
                if not message.get("more_body", False):
                    return bytes(body)
        raise MalformedInput("body", f"did not arrive within {BODY_SECONDS_MAX:g} seconds")
