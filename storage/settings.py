"""Everything that can be set from outside, read once from the environment.

Each process reads its settings this way and no other; the supervisor passes them on. A wrong
value is a `SettingsError`, whose message is one sentence for the person who set it.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

CHECKOUT = Path(__file__).resolve().parent.parent
SECRET_CHARACTERS_MIN = 32
REALTIME_PROCESSES_MAX = 64
LIMITS_SCALE_MAX = 1_000_000.0
DRIVERS = ("trio", "asyncio")


class SettingsError(Exception):
    """The message names the variable, its value (never of a secret) and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    host: str = "127.0.0.1"
    http_port: int = 8000
    ws_port: int = 8001
    media_port: int = 8002
    public_url: str | None = None  # without a trailing slash
    data: Path
    secret: bytes
    realtime_processes: int = 1
    cors_origins: frozenset[str] = frozenset()  # other sites whose pages may use the API by token
    limits_scale: float = 1.0  # multiplies every rate limit
    demo: bool = False
    database_url: str | None = None  # None: the embedded server, which only the supervisor starts
    embedded: bool = False  # whether that server is, so that its disk is the data folder's
    database_driver: str = "trio"
    web_client: Path = CHECKOUT / "web" / "dist"  # elsewhere when the checkout is read-only

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Raises SettingsError. Makes the data folder and the secret when they do not exist."""
        host = _host(environ)
        ports = {
            name: _integer(environ, name, default, 1, 65_535)
            for name, default in (
                ("LOOPYNC_HTTP_PORT", 8000),
                ("LOOPYNC_WS_PORT", 8001),
                ("LOOPYNC_MEDIA_PORT", 8002),
            )
        }
        if ports["LOOPYNC_HTTP_PORT"] == ports["LOOPYNC_WS_PORT"]:
            raise SettingsError(
                f"LOOPYNC_HTTP_PORT and LOOPYNC_WS_PORT are both {ports['LOOPYNC_WS_PORT']}; "
                "give each a port of its own."
            )
        database_url = _database_url(environ)
        # Everything that can be wrong is looked at before anything is made.
        values = {
            "public_url": _public_url(environ),
            "realtime_processes": _integer(
                environ, "LOOPYNC_REALTIME_PROCESSES", 1, 1, REALTIME_PROCESSES_MAX
            ),
            "cors_origins": _cors_origins(environ),
            "limits_scale": _limits_scale(environ),
            "demo": _demo(environ, host, database_url),
            "embedded": _is_embedded(environ, database_url),
            "database_driver": _driver(environ),
        }
        given_secret = _given_secret(environ)
        data = _data(environ)
        return cls(
            host=host,
            http_port=ports["LOOPYNC_HTTP_PORT"],
            ws_port=ports["LOOPYNC_WS_PORT"],
            media_port=ports["LOOPYNC_MEDIA_PORT"],
            data=data,
            secret=given_secret or _kept_secret(data),
            database_url=database_url,
            web_client=Path(_given(environ, "LOOPYNC_WEB_CLIENT") or CHECKOUT / "web" / "dist"),
            **values,  # type: ignore[arg-type]  # each is checked by the function that read it
        )

    @property
    def allowed_origins(self) -> frozenset[str]:
        """The pages that may open a socket or use the session cookie, as browsers name them."""
        names = {"localhost", "127.0.0.1"}
        if not _is_everywhere(self.host):
            names.add(self.host)
        origins = {f"http://{_in_url(name)}:{self.http_port}" for name in names}
        if self.http_port == 80:
            origins |= {f"http://{_in_url(name)}" for name in names}
        if self.public_url is not None:
            origins.add(self.public_url)
        return frozenset(origins) | self.cors_origins

    @property
    def socket_description(self) -> Path:
        """Where the socket's process describes what it speaks, for the HTTP API to hand on."""
        return self.data / "asyncapi.json"

    @property
    def is_everywhere(self) -> bool:
        """Whether it listens on every address this machine has, whatever they are."""
        return _is_everywhere(self.host)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_everywhere(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _wrong(name: str, value: str, allowed: str) -> SettingsError:
    return SettingsError(f"{name} is {value!r}, but must be {allowed}.")


def _given(environ: Mapping[str, str], name: str) -> str | None:
    """An empty value means the default, as it does in most tools that pass variables on."""
    return environ.get(name, "").strip() or None


def _host(environ: Mapping[str, str]) -> str:
    host = _given(environ, "LOOPYNC_HOST") or "127.0.0.1"
    try:
        return str(ip_address(host))
    except ValueError:
        if re.fullmatch(r"(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", host) and not host[-1].isdigit():
            return host
    raise _wrong("LOOPYNC_HOST", host, "an IP address or a host name of this machine")


def _integer(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = _given(environ, name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) <= 9 and low <= int(text) <= high:
        return int(text)
    raise _wrong(name, text, f"a whole number from {low} to {high}")


def _public_url(environ: Mapping[str, str]) -> str | None:
    text = _given(environ, "LOOPYNC_PUBLIC_URL")
    if text is None:
        return None
    allowed = "an address like https://chat.example, without a path"
    try:
        parts = urlsplit(text)
        named = parts.hostname is not None and parts.port != 0
    except ValueError:
        raise _wrong("LOOPYNC_PUBLIC_URL", text, allowed) from None
    plain = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in ("http", "https") or not named or not plain:
        raise _wrong("LOOPYNC_PUBLIC_URL", text, allowed)
    default_port = 443 if parts.scheme == "https" else 80
    # Browsers leave the default port out of an Origin, so it must not be in here either.
    port = "" if parts.port in (None, default_port) else f":{parts.port}"
    return f"{parts.scheme}://{_in_url(parts.hostname or '')}{port}"


def _cors_origins(environ: Mapping[str, str]) -> frozenset[str]:
    text = _given(environ, "LOOPYNC_CORS_ORIGINS") or ""
    origins = frozenset(origin.strip() for origin in text.split(",") if origin.strip())
    for origin in origins:
        if not re.fullmatch(r"https?://[a-z0-9.\-\[\]:]+", origin):
            raise _wrong(
                "LOOPYNC_CORS_ORIGINS", origin, "origins like https://friend.example, with commas"
            )
    return origins


def _limits_scale(environ: Mapping[str, str]) -> float:
    text = _given(environ, "LOOPYNC_LIMITS")
    if text is None:
        return 1.0
    with suppress(ValueError):
        if 0 < (scale := float(text)) <= LIMITS_SCALE_MAX:
            return scale
    raise _wrong("LOOPYNC_LIMITS", text, f"a number above 0, at most {LIMITS_SCALE_MAX:.0f}")


def _database_url(environ: Mapping[str, str]) -> str | None:
    url = _given(environ, "DATABASE_URL")
    if url is None:
        return None
    # The address may hold a password, so no message repeats it.
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        raise SettingsError("DATABASE_URL is not an address that can be read.") from None
    if scheme not in ("postgresql", "postgres"):
        raise SettingsError("DATABASE_URL must begin with postgresql:// or postgres://.")
    return url


def _driver(environ: Mapping[str, str]) -> str:
    driver = _given(environ, "LOOPYNC_DATABASE_DRIVER") or "trio"
    if driver not in DRIVERS:
        raise _wrong("LOOPYNC_DATABASE_DRIVER", driver, " or ".join(DRIVERS))
    return driver


def _is_embedded(environ: Mapping[str, str], database_url: str | None) -> bool:
    """The variable is the supervisor's, whose parts see its server as a DATABASE_URL."""
    return database_url is None or environ.get("LOOPYNC_EMBEDDED") == "1"


def _demo(environ: Mapping[str, str], host: str, database_url: str | None) -> bool:
    """Demo accounts have a public password: never where others could reach them."""
    embedded = _is_embedded(environ, database_url)
    private = embedded and is_loopback(host) and _public_url(environ) is None
    text = _given(environ, "LOOPYNC_DEMO")
    if text is None:
        return private
    if text not in ("0", "1"):
        raise _wrong("LOOPYNC_DEMO", text, "0 or 1")
    if text == "1" and not private:
        raise SettingsError(
            "LOOPYNC_DEMO is '1', but demo accounts are only made when LOOPYNC_HOST is a "
            "loopback address, and neither DATABASE_URL nor LOOPYNC_PUBLIC_URL is set."
        )
    return text == "1"


def _given_secret(environ: Mapping[str, str]) -> bytes | None:
    secret = _given(environ, "LOOPYNC_SECRET")
    if secret is not None and len(secret) < SECRET_CHARACTERS_MIN:
        raise SettingsError(
            f"LOOPYNC_SECRET has {len(secret)} characters, but must have "
            f"at least {SECRET_CHARACTERS_MIN}."
        )
    return None if secret is None else secret.encode()


def _data(environ: Mapping[str, str]) -> Path:
    asked = Path(_given(environ, "LOOPYNC_DATA") or CHECKOUT / "data")
    try:
        data = asked.expanduser().absolute()
    except RuntimeError:
        raise _wrong("LOOPYNC_DATA", str(asked), "below the folder of a user there is") from None
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _wrong(
            "LOOPYNC_DATA", str(data), f"a folder one may write to ({error.strerror})"
        ) from None
    if not os.access(data, os.W_OK | os.X_OK):
        raise _wrong("LOOPYNC_DATA", str(data), "a folder one may write to")
    return data


def _kept_secret(data: Path) -> bytes:
    """Made by whoever comes first. A link is made whole or not at all, so nobody reads half."""
    kept = data / "secret"
    if not kept.exists():
        mine = data / f"secret.{os.getpid()}.{secrets.token_hex(4)}"
        mine.touch(mode=0o600)
        mine.write_text(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            os.link(mine, kept)
        mine.unlink()
    try:
        secret = kept.read_text().strip()
    except OSError as error:
        raise SettingsError(f"The secret in {kept} cannot be read: {error.strerror}.") from None
    if len(secret) < SECRET_CHARACTERS_MIN:
        raise SettingsError(
            f"The secret in {kept} has fewer than {SECRET_CHARACTERS_MIN} characters; "
            "delete the file to have a new one made (everybody must sign in again)."
        )
    return secret.encode()
