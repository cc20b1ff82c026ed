"""The process itself, as the supervisor starts and ends it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from tests.conftest import TEST_SECRET

ROOT = Path(__file__).resolve().parents[2]
END_SECONDS_MAX = 5


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def started(data: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
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
        yield process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end(
    database_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    port = free_port()
    with started(tmp_path, DATABASE_URL=database_url, LOOPYNC_WS_PORT=str(port)) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        ready = msgspec.json.decode(process.stderr.readline())
        assert ready["event"] == "realtime_ready"
        with socket.create_connection(("127.0.0.1", port)):
            told_at = time.monotonic()
            process.send_signal(number)
            ended = [msgspec.json.decode(line)["event"] for line in process.stderr]
        assert time.monotonic() - told_at < END_SECONDS_MAX
        assert ended == ["realtime_ends"]
        assert process.stdout.read() == b""
    assert process.returncode == 0


def test_a_wrong_setting_is_one_sentence(tmp_path: Path) -> None:
    with started(tmp_path, LOOPYNC_WS_PORT="many") as process:
        said, complaint = process.communicate(timeout=20)
    assert process.returncode == 1
    assert said == b""
    assert b"LOOPYNC_WS_PORT" in complaint
    assert b"Traceback" not in complaint
