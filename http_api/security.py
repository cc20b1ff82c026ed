"""What every response says to browsers, and which requests are not answered at all."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from http_api.exchange import Headers, Request
from storage.errors import MalformedInput

if TYPE_CHECKING:
    from storage.settings import Settings

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
HSTS_SECONDS = 365 * 24 * 3600
PREFLIGHT_SECONDS = 600
CORS_METHODS = b"GET, POST, PUT, PATCH, DELETE"
CORS_HEADERS = b"authorization, content-type, idempotency-key"


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of one server: its names, its socket's address, its other origins."""

    hosts: frozenset[str]
    any_address: bool
    """Listening on every interface: then an IP address is a fine name too, unlike a foreign
    domain name, which may have been made to point here (DNS rebinding)."""

    public_url: str | None
    ws_port: int
    cors_origins: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Settings) -> Guard:
        public = urlsplit(settings.public_url).hostname if settings.public_url else None
        named = {_bracketed(name) for name in (settings.host, public) if name}
        return cls(
            hosts=LOOPBACK_NAMES | named,
            any_address=settings.is_everywhere,
            public_url=settings.public_url,
            ws_port=settings.ws_port,
            cors_origins=settings.cors_origins,
        )

    @property
    def secure(self) -> bool:
        """Whether browsers reach this server by HTTPS, through the proxy in front of it."""
        return (self.public_url or "").startswith("https://")

    def check_host(self, request: Request) -> None:
        if request.host in self.hosts or (self.any_address and _is_address(request.host)):
            return
        raise MalformedInput("host", "is not a name of this server")

    def headers(self, request: Request) -> Headers:
        headers = [*STATIC_HEADERS, (b"content-security-policy", self._policy(request).encode())]
        if self.secure:
            headers.append((b"strict-transport-security", b"max-age=%d" % HSTS_SECONDS))
        return headers + self._cors_headers(request)

    def preflight(self, request: Request) -> Headers:
        """What else an OPTIONS request of a listed origin is told."""
        if request.headers.get("origin") not in self.cors_origins:
            return []
        return [
            (b"access-control-allow-methods", CORS_METHODS),
            (b"access-control-allow-headers", CORS_HEADERS),
            (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
        ]

    def _cors_headers(self, request: Request) -> Headers:
        """Never with credentials: another origin signs in by token, and our cookie stays ours."""
        if not self.cors_origins:
            return []
        origin = request.headers.get("origin", "")
        vary = (b"vary", b"origin")
        if origin not in self.cors_origins:
            return [vary]
        exposed = (b"access-control-expose-headers", b"x-request-id, retry-after")
        return [(b"access-control-allow-origin", origin.encode()), exposed, vary]

    def is_own_origin(self, request: Request) -> bool:
        """Whether a page of ours sent this: browsers name the page's origin on every POST."""
        origin = request.headers.get("origin", "")
        if self.public_url is not None and origin == self.public_url:
            return True
        # The host was checked already, so a page under the same one is a page of this server.
        host = request.headers.get("host", "").lower()
        return origin.lower() in (f"http://{host}", f"https://{host}")

    def _policy(self, request: Request) -> str:
        if self.public_url:
            socket = "ws" + self.public_url.removeprefix("http")
        else:
            host = request.host if request.host in self.hosts or _is_address(request.host) else ""
            socket = f"ws://{host or 'localhost'}:{self.ws_port}"
        return f"connect-src 'self' {socket}; {POLICY}"


POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "require-trusted-types-for 'script'",
        "trusted-types svelte-trusted-html",
    ]
)

STATIC_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"camera=(self), microphone=(self), display-capture=(self), geolocation=(self), "
        b"payment=(), usb=(), serial=(), hid=(), midi=()",
    ),
]


def _bracketed(host: str) -> str:
    """As it stands in a Host header."""
    return f"[{host}]" if ":" in host else host.lower()


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
