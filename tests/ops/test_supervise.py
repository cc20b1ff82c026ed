"""The supervisor, with stand-ins for the parts and a real PostgreSQL."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from ops.parts import claim_ports, refuse_taken_ports
from ops.say import Stop
from storage.settings import Settings
from tests.storage.database.servers import free_port

END_SECONDS_MAX = 20
NAMES = ("door", "worker", "postgres", "realtime.main", "http_api.main", "http_api.jobs")


class Running:
    """An `up`, read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []

    def read_until(self, beginning: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith(beginning):
                return line
        raise AssertionError(f"ended without {beginning!r}: {''.join(self.lines)}")

    def family(self) -> dict[str, psutil.Process]:
        """Its children by what their command line says."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            command = " ".join(child.cmdline())
            names = [
                "door",
                "worker",
                "postgres",
                "realtime.main",
                "http_api.main",
                "http_api.jobs",
            ]
            found[next(name for name in names if name in command)] = child
        return found

    def group(self) -> int:
        [group] = {os.getpgid(process.pid) for process in self.family().values()}
        return group

    def ended(self) -> int:
        self.lines += self.process.communicate(timeout=END_SECONDS_MAX)[0].splitlines(True)
        return self.process.returncode


@contextmanager
def started(data: Path, *command: str, **environment: str) -> Iterator[Running]:
    ports = {"LOOPYNC_HTTP_PORT": str(free_port()), "LOOPYNC_WS_PORT": str(free_port())}
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        env=os.environ | {"LOOPYNC_DATA": str(data)} | ports | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Running(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.communicate(timeout=END_SECONDS_MAX)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with started(tmp_path, "tests.ops.stand_ins", "up", "stays") as running:
        running.read_until("Loopync runs at")
        yield running


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_in_order(running: Running, how: signal.Signals) -> None:
    family = running.family()
    assert sorted(family) == ["door", "postgres", "worker"]
    running.process.send_signal(how)
    assert running.ended() == 0, running.lines
    assert running.lines[-2:] == ["Ending …\n", "Everything has ended.\n"]
    assert not [name for name, process in family.items() if process.is_running()]


def test_the_parts_are_one_group_and_ctrl_c_reaches_the_supervisor_alone(running: Running) -> None:
    assert os.getpgid(running.process.pid) != running.group()


@pytest.mark.fault
def test_killed_the_supervisor_takes_everything_with_it(running: Running) -> None:
    family = running.family()
    running.process.kill()
    for process in family.values():
        process.wait(END_SECONDS_MAX)


@pytest.mark.fault
def test_a_part_that_was_killed_is_named_and_started_again(running: Running) -> None:
    before = running.family()
    before["door"].kill()
    line = running.read_until("door was killed")
    assert line.startswith("door was killed by SIGKILL. Starting it again.")
    running.read_until("door is ready again.")
    after = running.family()
    assert after["door"] != before["door"]
    assert after["worker"] == before["worker"], "the control: nobody else was touched"


@pytest.mark.fault
def test_postgresql_is_started_again_too(running: Running) -> None:
    running.family()["postgres"].kill()
    running.read_until("PostgreSQL was killed by SIGKILL. Starting it again.")
    running.read_until("PostgreSQL is ready again.")
    running.process.terminate()
    assert running.ended() == 0


@pytest.mark.fault
def test_everything_killed_but_the_supervisor_comes_back(running: Running) -> None:
    for process in running.family().values():
        process.kill()
    again = {f"{name} is ready again.\n" for name in ("PostgreSQL", "door", "worker")}
    while not again <= set(running.lines):
        running.read_until("")
    assert sorted(running.family()) == ["door", "postgres", "worker"]
    assert running.group(), "still one"


def test_a_part_that_never_comes_up_ends_the_start_with_its_last_words(tmp_path: Path) -> None:
    with started(tmp_path, "tests.ops.stand_ins", "up", "fails") as running:
        assert running.ended() == 1
    said = "".join(running.lines)
    assert "cannot find my keys" in said
    assert "worker ended with code 3 before it was ready." in said
    assert "Traceback" not in said


def test_a_second_one_over_the_same_data_is_told_so(tmp_path: Path, running: Running) -> None:
    with started(tmp_path, "tests.ops.stand_ins", "up", "stays") as second:
        assert second.ended() == 2
    assert second.lines[-1].startswith("loopync: Another Loopync already uses the data folder")


def test_two_run_side_by_side_with_other_ports_and_data(tmp_path: Path, running: Running) -> None:
    with started(tmp_path / "other", "tests.ops.stand_ins", "up", "stays") as second:
        second.read_until("Loopync runs at")
        second.process.terminate()
        assert second.ended() == 0
    assert len(running.family()) == 3


def test_a_wrong_setting_is_one_line_and_not_a_traceback(tmp_path: Path) -> None:
    with started(tmp_path, "ops.supervise", LOOPYNC_LIMITS="lots") as running:
        assert running.ended() == 2
    assert running.lines == [
        "loopync: LOOPYNC_LIMITS is 'lots', but must be a number above 0, at most 1000000.\n"
    ]


@pytest.mark.parametrize("name", ["http_port", "ws_port"])
def test_a_port_that_is_taken_is_named(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        ports: dict[str, Any] = {"http_port": free_port(), "ws_port": free_port()}
        ports[name] = stranger.getsockname()[1]
        settings = Settings(data=tmp_path, secret=b"", **ports)
        with pytest.raises(Stop, match=f"LOOPYNC_{name.upper()} is .* another program uses"):
            refuse_taken_ports(settings)
    refuse_taken_ports(settings)


def test_an_address_of_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"LOOPYNC_HOST is '192.0.2.1', but this machine cannot listen"):
        refuse_taken_ports(Settings(data=tmp_path, secret=b"", host="192.0.2.1"))


def test_of_two_that_start_at_once_one_has_the_ports(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, secret=b"", http_port=free_port(), ws_port=free_port())
    claims = claim_ports(settings)
    with pytest.raises(Stop, match="another Loopync has that port"):
        claim_ports(settings)
    for claim in claims:
        claim.close()
    for claim in claim_ports(settings):
        claim.close()


def test_the_real_parts_start_answer_and_end(tmp_path: Path) -> None:
    with started(tmp_path, "ops.supervise") as running:
        address = running.read_until("Loopync runs at").split()[3]
        running.read_until("Sign in as ana")
        with urllib.request.urlopen(f"{address}/health/ready") as answer:
            assert answer.status == 200
        family = running.family()
        assert sorted(family) == ["http_api.jobs", "http_api.main", "postgres", "realtime.main"]
        running.process.send_signal(signal.SIGINT)
        assert running.ended() == 0, running.lines
        assert not [name for name, process in family.items() if process.is_running()]
