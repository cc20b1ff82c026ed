"""The opening handshake without I/O: the head of one HTTP request to the answer it gets.

Strict, for whatever a proxy in front might read otherwise is not guessed at here.
"""

import base64
import binascii
import re
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha1
from http import HTTPStatus
from ipaddress import ip_address

HEAD_END = b"\r\n\r\n"
HEALTH_PATH = "/health/live"
SOCKET_PATHS: frozenset[str] = frozenset({"/ws"})
USER_AGENT_CHARACTERS_MAX = 200

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_REQUEST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/([0-9])\.([0-9])")
# Neither has two ways to match the same bytes: time grows with the length and no faster.
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\xff]*)")
_ONCE = ("host", "origin", "sec-websocket-key", "sec-websocket-version", "content-length")


@dataclass(frozen=True, slots=True)
class Accepted:
    response: bytes
    user_agent: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Not a socket: send `response`, then end the connection (200 for the health check)."""

    response: bytes
    status: HTTPStatus


def refuse(status: HTTPStatus, words: str, *headers: str) -> Refused:
    body = f"{words}\n".encode()
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
        *headers,
    )
    return Refused("\r\n".join(lines).encode() + HEAD_END + body, status)


HEAD_TOO_LARGE = refuse(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of the request is too large."
)
TOO_SLOW = refuse(HTTPStatus.REQUEST_TIMEOUT, "The request took too long to arrive.")
FULL = refuse(HTTPStatus.SERVICE_UNAVAILABLE, "This server holds all it can.", "Retry-After: 5")


def answer(
    head: bytes,
    *,
    headers_max: int,
    allowed_origins: Collection[str] | None,
    address_port: int | None = None,
    paths: Collection[str] | None = SOCKET_PATHS,
) -> Accepted | Refused:
    """`head` is a whole request head without its empty line.

    `allowed_origins`: exact values of Origin, which must be there; None admits any and none.
    `address_port`: also pages from this port of the very address that the socket is opened at.
    `paths`: where the socket lives; None admits any path.
    """
    request_line, *lines = head.decode("latin-1").split("\r\n")
    request = _REQUEST_LINE.fullmatch(request_line)
    if request is None:
        return refuse(HTTPStatus.BAD_REQUEST, "The request line is malformed.")
    method, target, major, minor = request.groups()
    if (major, minor) != ("1", "1"):
        return refuse(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "Only HTTP/1.1 is spoken here.")
    if len(lines) > headers_max:
        return HEAD_TOO_LARGE
    headers: dict[str, str] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            return refuse(HTTPStatus.BAD_REQUEST, "A header is malformed.")
        name, value = header[1].lower(), header[2].strip(" \t")
        if name in headers:
            if name in _ONCE:
                return refuse(HTTPStatus.BAD_REQUEST, f"{header[1]} must not be repeated.")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    if not headers.get("host"):
        return refuse(HTTPStatus.BAD_REQUEST, "Host is missing.")

    path = target.partition("?")[0]
    if path == HEALTH_PATH and "upgrade" not in headers and method == "GET":
        return refuse(HTTPStatus.OK, "alive")
    if paths is not None and path not in paths:
        return refuse(HTTPStatus.NOT_FOUND, "There is nothing here.")
    if method != "GET":
        return refuse(HTTPStatus.METHOD_NOT_ALLOWED, "A handshake is a GET.", "Allow: GET")
    origins = allowed_origins
    if origins is not None and address_port is not None:
        origins = {*origins, *_pages_at_address(headers["host"], address_port)}
    return _upgrade(headers, origins)


def _upgrade(
    headers: dict[str, str], allowed_origins: Collection[str] | None
) -> Accepted | Refused:
    if "transfer-encoding" in headers or headers.get("content-length", "0") != "0":
        return refuse(HTTPStatus.BAD_REQUEST, "A handshake has no body.")
    if "websocket" not in _tokens(headers.get("upgrade", "")):
        return refuse(
            HTTPStatus.UPGRADE_REQUIRED,
            "This is a WebSocket: Upgrade must say websocket.",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
        )
    if "upgrade" not in _tokens(headers.get("connection", "")):
        return refuse(HTTPStatus.BAD_REQUEST, "Connection must say Upgrade.")
    if headers.get("sec-websocket-version") != "13":
        return refuse(
            HTTPStatus.UPGRADE_REQUIRED,
            "Sec-WebSocket-Version must be 13.",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
        )
    key = headers.get("sec-websocket-key", "")
    if not _is_key(key):
        return refuse(HTTPStatus.BAD_REQUEST, "Sec-WebSocket-Key must be 16 bytes in base64.")
    if allowed_origins is not None and headers.get("origin") not in allowed_origins:
        return refuse(HTTPStatus.FORBIDDEN, "This origin is not allowed.")

    accept = base64.b64encode(sha1(key.encode() + _GUID, usedforsecurity=False).digest())
    response = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + HEAD_END
    )
    return Accepted(response, headers.get("user-agent", "")[:USER_AGENT_CHARACTERS_MAX])


def _pages_at_address(host: str, port: int) -> list[str]:
    """Only an address, never a name: a name could be somebody else's that leads here."""
    address = host if host.endswith("]") else host.rpartition(":")[0] or host
    try:
        ip_address(address.strip("[]"))
    except ValueError:
        return []
    return [f"http://{address}:{port}", *([f"http://{address}"] if port == 80 else [])]


def _tokens(value: str) -> list[str]:
    return [token.strip().lower() for token in value.split(",")]


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key.encode("ascii"), validate=True)) == 16
    except (UnicodeEncodeError, binascii.Error):
        return False
