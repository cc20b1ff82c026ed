"""The processes of an instance: how each is called, told its settings, and known to be ready."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import trio

from ops import places
from ops.say import Stop
from storage.settings import Settings

READY_POLL_SECONDS = 0.05
READY_ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Part:
    """`ready` returns when the part answers; it is cancelled when the part ends before.

    None: the part says so itself (`storage.process.tell_ready`), as one of several at a door must.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], Awaitable[None]] | None


def parts(settings: Settings) -> list[Part]:
    host = reachable(settings.host)

    async def http_ready() -> None:
        await until(lambda: _answers(host, settings.http_port, "/health/live"))

    async def at_once() -> None:
        """A part with no door of its own."""

    numbers = range(1, settings.realtime_processes + 1)
    several = settings.realtime_processes > 1
    return [
        *(
            Part(f"realtime-{n}" if several else "realtime", python("realtime.main"), ready=None)
            for n in numbers
        ),
        Part("http_api", python("http_api.main"), http_ready),
        Part("jobs", python("http_api.jobs"), at_once),
    ]


def python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)


def environment(settings: Settings, database_url: str) -> dict[str, str]:
    """What `Settings.from_environment` turns into the same settings again, in a part."""
    told = {
        "LOOPYNC_HOST": settings.host,
        "LOOPYNC_HTTP_PORT": str(settings.http_port),
        "LOOPYNC_WS_PORT": str(settings.ws_port),
        "LOOPYNC_MEDIA_PORT": str(settings.media_port),
        "LOOPYNC_PUBLIC_URL": settings.public_url or "",
        "LOOPYNC_DATA": str(settings.data),
        "LOOPYNC_SECRET": settings.secret.decode(),
        "LOOPYNC_REALTIME_PROCESSES": str(settings.realtime_processes),
        "LOOPYNC_CORS_ORIGINS": ",".join(sorted(settings.cors_origins)),
        "LOOPYNC_LIMITS": repr(settings.limits_scale),
        "LOOPYNC_DEMO": "1" if settings.demo else "0",
        "LOOPYNC_EMBEDDED": "1" if settings.database_url is None else "0",
        "LOOPYNC_DATABASE_DRIVER": settings.database_driver,
        "LOOPYNC_WEB_CLIENT": str(places.web() / "dist"),
        "DATABASE_URL": database_url,
    }
    return os.environ | told


def claim_ports(settings: Settings) -> list[socket.socket]:
    """Said before anything starts: sockets shared among processes would not notice a stranger.

    Hold what is returned: two that start at once would both find the ports free. These names are
    the kernel's own, gone with the process that has them.
    """
    refuse_taken_ports(settings)
    claims = []
    for name, port in (
        ("LOOPYNC_HTTP_PORT", settings.http_port),
        ("LOOPYNC_WS_PORT", settings.ws_port),
    ):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0loopync {settings.host} port {port}")
        except OSError:
            claim.close()
            raise Stop(
                f"{name} is {port}, but another Loopync has that port; set {name} to a free one."
            ) from None
        claims.append(claim)
    return claims


def refuse_taken_ports(settings: Settings) -> None:
    for name, port in (
        ("LOOPYNC_HTTP_PORT", settings.http_port),
        ("LOOPYNC_WS_PORT", settings.ws_port),
    ):
        try:
            found = socket.getaddrinfo(settings.host, port, type=socket.SOCK_STREAM)
        except socket.gaierror:
            raise Stop(f"LOOPYNC_HOST is {settings.host!r}, a name that leads nowhere.") from None
        problems = [problem for each in found if (problem := _bind_problem(each[0], each[4]))]
        for problem in problems:
            # One of a name's addresses may be of a kind that this machine does not have.
            if problem.errno in (errno.EADDRINUSE, errno.EACCES) or len(problems) == len(found):
                raise Stop(_why_not_bound(name, port, settings.host, problem))


def _bind_problem(family: int, address: Any) -> OSError | None:
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(address)
        except OSError as error:
            return error
    return None


def _why_not_bound(name: str, port: int, host: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{name} is {port}, but another program uses that port; set {name} to a free one."
    if error.errno == errno.EACCES:
        return f"{name} is {port}, but that port needs root; set {name} to one above 1023."
    return f"LOOPYNC_HOST is {host!r}, but this machine cannot listen there ({error.strerror})."


def reachable(host: str) -> str:
    """An address to connect to: "everywhere" is one only for listening."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    while True:
        with trio.move_on_after(READY_ANSWER_SECONDS):
            if await holds():
                return
        await trio.sleep(READY_POLL_SECONDS)


async def _answers(host: str, port: int, path: str) -> bool:
    try:
        stream = await trio.open_tcp_stream(host, port)
        async with stream:
            request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            await stream.send_all(request.encode())
            return (await stream.receive_some(64)).split(b" ")[1:2] == [b"200"]
    except (OSError, trio.BrokenResourceError):
        return False
