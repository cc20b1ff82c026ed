"""A whole instance, sound or broken, its demo people, and a disk of its own that can be filled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import TEST_SECRET
from tests.realtime.sockets import ROOT, free_port

PASSWORD = "loopync-demo-2026"
ANSWER_SECONDS_MAX = 30.0
READY_SECONDS_MAX = 100.0


@dataclass
class Instance:
    process: subprocess.Popen[str]
    data: Path
    http_port: int
    ws_port: int
    said: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.ws_port}/ws"

    def ask(
        self, method: str, path: str, body: object = None, token: str | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of an answer of the HTTP door."""
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(
            f"{self.origin}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers=headers,
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS_MAX) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def sign_in(self, login: str) -> Any:
        status, answer = self.ask("POST", "/auth/login", {"login": login, "password": PASSWORD})
        assert status == 200, answer
        return answer["data"]

    def kill_database(self) -> None:
        [server] = [
            child
            for child in psutil.Process(self.process.pid).children()
            if child.name() == "postgres"
        ]
        server.send_signal(signal.SIGKILL)
        server.wait(ANSWER_SECONDS_MAX)

    def logged(self, part: str) -> list[dict[str, Any]]:
        lines = (self.data / "logs" / f"{part}.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


@contextmanager
def running(
    variant: str, data: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Instance]:
    """Ready when entered. It ends in good order, and nothing of it is left."""
    http_port, ws_port = free_port(), free_port()
    settings = {
        "LOOPYNC_HTTP_PORT": str(http_port),
        "LOOPYNC_WS_PORT": str(ws_port),
        "LOOPYNC_DATA": str(data),
        "LOOPYNC_LIMITS": "1000",
    }
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LOOPYNC_") and name != "DATABASE_URL"
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.variants", "up", variant],
        cwd=ROOT,
        env=others | settings | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    instance = Instance(process, data, http_port, ws_port)
    with _ready(process, instance.said, "Logs are in"):
        yield instance
        process.terminate()
        assert process.wait(ANSWER_SECONDS_MAX) == 0, "".join(instance.said)


@contextmanager
def realtime(variant: str, data: Path, database_url: str) -> Iterator[tuple[psutil.Process, int]]:
    """One realtime process, sound or broken, over a database that runs; and its port."""
    port = free_port()
    own = {
        "LOOPYNC_DATA": str(data),
        "LOOPYNC_SECRET": TEST_SECRET.decode(),
        "LOOPYNC_WS_PORT": str(port),
        "LOOPYNC_LIMITS": "1000",
        "DATABASE_URL": database_url,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.variants", "part", variant, "realtime.main"],
        cwd=ROOT,
        env=os.environ | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with _ready(process, [], "realtime_ready"):
        yield psutil.Process(process.pid), port


@contextmanager
def _ready(process: subprocess.Popen[str], said: list[str], word: str) -> Iterator[None]:
    """Entered when it has said `word`; killed in the end. What it says is collected in `said` all
    the while: it would wait for us once the pipe is full."""
    output = process.stdout
    assert output is not None
    is_ready, has_said_it = threading.Event(), False

    def read() -> None:
        nonlocal has_said_it
        for line in output:
            said.append(line)
            if not has_said_it and word in line:
                has_said_it = True
                is_ready.set()
        is_ready.set()  # Or never will be.

    reader = threading.Thread(target=read)
    reader.start()
    try:
        is_ready.wait(READY_SECONDS_MAX)
        assert has_said_it, "".join(said)
        yield
    finally:
        process.kill()  # Its parts die with it.
        process.wait()
        reader.join()
        output.close()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk in memory, mounted at `folder`."""
    folder.mkdir()
    options = f"size={megabytes}m,mode=0711"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Somebody else's file takes all the room there is; in the end it is deleted."""
    filler = disk / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            block = bytes(1 << 16)
            try:
                while True:
                    file.write(block)
            except OSError:
                pass
        yield
    finally:
        filler.unlink()
