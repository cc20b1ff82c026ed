"""The processes as the supervisor starts them: they serve, log one JSON object a line, and end."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
import trio

from storage import logs

ROOT = Path(__file__).parents[2]
READY_SECONDS_MAX = 30
END_SECONDS_MAX = 5


@dataclass
class Started:
    process: trio.Process
    lines: list[dict[str, Any]] = field(default_factory=list)
    said: trio.Event = field(default_factory=trio.Event)

    async def read(self) -> None:
        """Each line of stderr must be JSON; stdout stays silent."""
        assert self.process.stderr is not None
        rest = b""
        async for part in self.process.stderr:
            *lines, rest = (rest + part).split(b"\n")
            self.lines += [json.loads(line) for line in lines]
            self.said.set()
            self.said = trio.Event()

    async def until(self, event: str) -> None:
        with trio.fail_after(READY_SECONDS_MAX):
            while event not in [line["event"] for line in self.lines]:
                await self.said.wait()

    async def end(self) -> int:
        """Ask it to end, and wait for that."""
        self.process.send_signal(signal.SIGTERM)
        with trio.fail_after(END_SECONDS_MAX):
            return await self.process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@asynccontextmanager
async def started(
    module: str, database_url: str, data: Path, **more: str
) -> AsyncIterator[Started]:
    environ = {
        **os.environ,
        "DATABASE_URL": database_url,
        "LOOPYNC_DATA": str(data),
        "LOOPYNC_SECRET": "a secret of the tests, long enough",
        **more,
    }
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", module], cwd=ROOT, env=environ, stderr=subprocess.PIPE
    )
    running = Started(process)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.read)
        try:
            yield running
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()


async def test_the_http_process_serves_and_ends(database_url: str, tmp_path: Path) -> None:
    port = free_port()
    async with started(
        "http_api.main", database_url, tmp_path, LOOPYNC_HTTP_PORT=str(port)
    ) as running:
        await running.until("serving")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            live = await client.get("/health/live")
            ready = await client.get("/health/ready")
            # One connection stays open, and idle.
            assert await running.end() == 0

    assert (live.status_code, ready.status_code) == (200, 200)
    [logged] = [line for line in running.lines if line.get("path") == "/health/live"]
    assert logged["request_id"] == live.headers["x-request-id"]
    assert (logged["part"], logged["status"]) == ("http_api", 200)
    assert running.lines[-1]["event"] == "ended"


async def test_a_stalled_request_does_not_delay_the_end(database_url: str, tmp_path: Path) -> None:
    port = free_port()
    async with started(
        "http_api.main", database_url, tmp_path, LOOPYNC_HTTP_PORT=str(port)
    ) as running:
        await running.until("serving")
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(
                b"POST /api/v1/auth/login HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\n{"
            )
            assert await running.end() == 0


async def test_the_jobs_process_works_and_ends(database_url: str, tmp_path: Path) -> None:
    async with started("http_api.jobs", database_url, tmp_path) as running:
        await running.until("job_done")
        assert await running.end() == 0

    assert {line["part"] for line in running.lines} == {"jobs"}


@pytest.mark.parametrize("module", ["http_api.main", "http_api.jobs"])
async def test_a_wrong_setting_is_a_sentence(
    database_url: str, tmp_path: Path, module: str
) -> None:
    async with started(module, database_url, tmp_path, LOOPYNC_HTTP_PORT="many") as running:
        with trio.fail_after(READY_SECONDS_MAX):
            assert await running.process.wait() == 2
        await running.until("settings_wrong")

    [line] = running.lines
    assert "LOOPYNC_HTTP_PORT" in line["error"]


def test_a_traceback_is_logged_without_the_values_of_variables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    before = structlog.get_config()
    try:
        logs.configure_logs("http_api")
        _fail(password="hunter2")
    finally:
        structlog.configure(**before)
        structlog.contextvars.clear_contextvars()

    said = json.loads(capsys.readouterr().err)
    assert said["exception"][0]["exc_type"] == "RuntimeError"
    assert "hunter2" not in json.dumps(said)


def _fail(password: str) -> None:
    log = structlog.get_logger()
    try:
        raise RuntimeError
    except RuntimeError:
        log.exception("failed")
