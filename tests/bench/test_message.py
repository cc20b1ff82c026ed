"""`./loopync bench message` itself, at a rate that any machine manages."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench import contest, message, report, servers
from bench.message import Pace
from bench.servers import CHECKOUT, BenchError

SLOWLY = Pace(
    connections=4,
    warm_up_rate=20.0,
    warm_up_seconds=0.5,
    base_rate=40.0,
    base_seconds=1.0,
    lead_in_seconds=0.1,
    step_seconds=1.0,
    factor=1.5,
    precision=1.1,
    steps_max=2,
    seconds_max=60.0,
    first_rates={"loopync": 100.0, "python_socketio": 50.0},
)
FIGURES = {
    *("delivery_ms_p50", "delivery_ms_p95", "delivery_ms_p99", "ack_ms_p50", "ack_ms_p95"),
    *("ack_ms_p99", "messages_per_second", "delivery_ms_p99_at_max", "ack_ms_p99_at_max"),
    "messages_per_cpu_second",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it makes its folders."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is: what is delivered passes."""
    monkeypatch.setattr(contest, "DELIVERY_MS_P99_MAX", float("inf"))
    monkeypatch.setattr(contest, "LATENESS_MS_P99_MAX", float("inf"))


@pytest.mark.usefixtures("patient")
def test_all_is_delivered_stored_and_written_down_and_nothing_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "message.json"
    monkeypatch.setattr(message, "QUICK", SLOWLY)
    monkeypatch.setattr(sys, "argv", ["bench", "message", "--quick", "--json", str(file)])
    message.main(argparse.Namespace(quick=True, json=file, only=None))
    told: dict[str, Any] = json.loads(file.read_text())
    assert set(told) == {"scenario", "command", "machine", "figures", "peers"}
    assert told["scenario"] == "message"
    assert told["command"] == f"./loopync bench message --quick --json {file}"
    assert told["machine"]["settings"]["LOOPYNC_LIMITS"] == servers.LIMITS_SCALE
    assert set(told["figures"]) == {*FIGURES, "ratio_python_socketio"}
    assert set(told["peers"]) == {"python_socketio"}
    assert set(told["peers"]["python_socketio"]) == FIGURES
    assert told["figures"]["messages_per_second"] == 150
    assert told["peers"]["python_socketio"]["messages_per_second"] == 100
    assert told["figures"]["ratio_python_socketio"] == 1.5
    assert all(value > 0 for value in told["figures"].values())
    assert report.table(told) in capsys.readouterr().out
    assert list(folder.iterdir()) == [file]


@pytest.mark.fault
@pytest.mark.usefixtures("patient")
def test_the_control_a_server_that_stored_less_than_it_acknowledged_is_noticed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = servers.Server.stored_messages
    monkeypatch.setattr(servers.Server, "stored_messages", lambda server: stored(server) - 1)
    with pytest.raises(BenchError, match="loopync acknowledged 329 messages and stored 328"):
        message.measure(SLOWLY, ["loopync"])


def test_a_server_that_does_not_start_says_why(folder: Path) -> None:
    wrong = {"LOOPYNC_LIMITS": "many"}
    [port] = servers.free_ports(1)
    with (
        pytest.raises(BenchError, match=r"LOOPYNC_LIMITS is 'many'(.|\n)*ended at its start"),
        servers.running("realtime.main", [], wrong, folder / "log", port),
    ):
        pass


@pytest.mark.fault
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing(folder: Path, how: signal.Signals) -> None:
    command = [sys.executable, "-m", "bench", "message", "--quick", "--only", "loopync"]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        below = psutil.Process(process.pid).children(recursive=True)
        assert len(below) >= 3
        assert any(folder.iterdir())
        process.send_signal(how)
        assert process.wait(60) == 130
    assert psutil.wait_procs(below, 10)[1] == []
    assert list(folder.iterdir()) == []


def test_a_file_that_cannot_be_written_is_said_before_anything_runs(folder: Path) -> None:
    with pytest.raises(SystemExit, match="cannot be written"):
        message.main(argparse.Namespace(quick=True, json=folder / "no" / "file", only=None))


def test_the_document_shows_the_figures_that_are_kept() -> None:
    kept: dict[str, Any] = json.loads((CHECKOUT / "bench/results/message.json").read_text())
    document = (CHECKOUT / "docs/benchmarks.md").read_text()
    assert report.table(kept) in document
    assert kept["command"] in document


def test_without_its_own_choice_of_folder_it_takes_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    with message.folder() as made:
        assert Path(made).parent == Path("/var/tmp")
        assert os.listdir(made) == []
