"""The process itself, as the supervisor starts and ends it."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path

import msgspec
import pytest

from tests.realtime.sockets import free_port, started, wait_ready

END_SECONDS_MAX = 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end(
    database_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    port = free_port()
    with started(tmp_path, DATABASE_URL=database_url, LOOPYNC_WS_PORT=str(port)) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        wait_ready(process)
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


def test_it_waits_for_the_database_and_can_be_ended_meanwhile(tmp_path: Path) -> None:
    nowhere = f"postgresql://postgres@127.0.0.1:{free_port()}/nowhere"
    settings = {"DATABASE_URL": nowhere, "LOOPYNC_WS_PORT": str(free_port())}
    with started(tmp_path, **settings) as process:
        assert process.stderr is not None
        waiting = msgspec.json.decode(process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=END_SECONDS_MAX)
    assert waiting["level"] == "warning"
    assert process.returncode == 0
    assert msgspec.json.decode(rest.splitlines()[-1])["event"] == "realtime_ends"


def test_a_port_that_is_taken_ends_it_and_the_log_says_why(
    database_url: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = {"DATABASE_URL": database_url, "LOOPYNC_WS_PORT": str(port)}
        with started(tmp_path, **settings) as process:
            said, complaint = process.communicate(timeout=20)
    assert process.returncode == 1
    assert said == b""
    assert msgspec.json.decode(complaint.splitlines()[-1])["event"] == "realtime_failed"
