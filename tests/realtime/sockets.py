"""Clients over real sockets, and realtime processes of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio
from trio_websocket import ConnectionClosed, Endpoint, WebSocketConnection, open_websocket_url

from storage import clock
from storage.actor import Actor
from storage.domains.identity.access_tokens import issue_access_token
from tests.conftest import TEST_SECRET

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = [(b"Origin", b"http://localhost:8000")]


class Socket:
    """A client as clients are: it reads what comes, in the order it comes."""

    def __init__(self, websocket: WebSocketConnection) -> None:
        self._websocket = websocket
        self._last_id = 0

    @property
    def port(self) -> int:
        """Of this end of the connection."""
        local = self._websocket.local
        assert isinstance(local, Endpoint)
        return local.port

    async def send(self, event: str, data: object) -> int:
        self._last_id += 1
        frame = {"id": self._last_id, "event": event, "data": data}
        await self._websocket.send_message(msgspec.json.encode(frame).decode())
        return self._last_id

    async def connect(self, actor: Actor) -> Any:
        """Sign in; the data of `connected`, once caught up."""
        await self.send("connect", {"token": token_of(actor), "have": {}})
        connected = await self.read()
        assert (await self.read())["event"] == "caught_up"
        return connected["data"]

    async def read(self, *, patience_seconds: float = 5) -> Any:
        with trio.fail_after(patience_seconds):
            return msgspec.json.decode(await self._websocket.get_message())

    async def close_code(self) -> int:
        """Read to the end."""
        try:
            while True:
                await self.read()
        except ConnectionClosed as closed:
            # trio-websocket leaves the stream open when the server was the first to close.
            await self._websocket._stream.aclose()
            return closed.reason.code if closed.reason else 0


@asynccontextmanager
async def open_socket(port: int) -> AsyncIterator[Socket]:
    url = f"ws://127.0.0.1:{port}/ws"
    async with open_websocket_url(url, extra_headers=ORIGIN) as websocket:
        yield Socket(websocket)


def token_of(actor: Actor) -> str:
    return issue_access_token(
        TEST_SECRET,
        user_id=actor.user_id,
        session_id=actor.session_id,
        role=actor.role,
        now=clock.utc_now(),
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def started(data: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """A realtime process, not yet ready; killed at the end if it still runs."""
    environment = {
        **os.environ,
        "LOOPYNC_DATA": str(data),
        "LOOPYNC_SECRET": TEST_SECRET.decode(),
        **settings,
    }
    command = [sys.executable, "-m", "realtime.main"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stderr is not None
    line = msgspec.json.decode(process.stderr.readline())
    assert line["event"] == "realtime_ready", line
