"""The product as a person starts it: every process, on free ports, with data of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from storage.embedded.cluster import url_of

CHECKOUT = Path(__file__).resolve().parents[2]
END_SECONDS_MAX = 20.0
LOGGING = ("realtime", "http_api", "jobs")
LIMITS_SCALE = "1000"
"""One address makes all the accounts of the journeys."""


@dataclass(frozen=True, slots=True)
class Product:
    url: str
    ws_port: int
    data: Path
    process: subprocess.Popen[str]

    def kill(self, module: str) -> None:
        """kill -9 of one part, by the module that its command line names."""
        [part] = [each for each in self._parts() if module in each.cmdline()]
        part.send_signal(signal.SIGKILL)
        part.wait(END_SECONDS_MAX)

    def kill_database(self) -> None:
        """kill -9 of PostgreSQL's first process; its others end with it."""
        children = psutil.Process(self.process.pid).children()
        [server] = [each for each in children if each.name() == "postgres"]
        server.send_signal(signal.SIGKILL)
        server.wait(END_SECONDS_MAX)

    @property
    def database_url(self) -> str:
        return url_of(self.data)

    def troubles(self) -> list[str]:
        """What the parts logged as an error, and all that is no log line at all."""
        lines = [
            f"{log.name}: {line}"
            for log in sorted((self.data / "logs").glob("*.log"))
            if log.stem in LOGGING
            for line in log.read_text().splitlines()
        ]
        return [line for line in lines if _is_trouble(line.partition(": ")[2])]

    def end(self) -> None:
        """SIGTERM; raises AssertionError when it ends badly or leaves a process behind."""
        parts = self._parts()
        self.process.terminate()
        said, _ = self.process.communicate(timeout=END_SECONDS_MAX)
        assert self.process.returncode == 0, said
        _, left = psutil.wait_procs(parts, timeout=1)
        assert not left, f"still running: {left}"

    def _parts(self) -> list[psutil.Process]:
        found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return found


@contextmanager
def running_product(data: Path, *, calm: bool = True) -> Iterator[Product]:
    """Ready when entered. At the end what it logged must be clean, unless it was made to suffer."""
    http_port, ws_port = _free_ports(2)
    own = {
        "LOOPYNC_HTTP_PORT": str(http_port),
        "LOOPYNC_WS_PORT": str(ws_port),
        "LOOPYNC_DATA": str(data),
        "LOOPYNC_LIMITS": LIMITS_SCALE,
        "LOOPYNC_DEMO": "1",
    }
    others = {name: value for name, value in os.environ.items() if not _is_setting(name)}
    process = subprocess.Popen(
        [sys.executable, "-m", "ops.supervise"],
        cwd=CHECKOUT,
        env=others | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    product = Product(f"http://127.0.0.1:{http_port}", ws_port, data, process)
    try:
        _wait_ready(process)
        yield product
        product.end()
        assert not calm or product.troubles() == []
    finally:
        # Its parts die with it.
        process.kill()
        process.communicate()


def _wait_ready(process: subprocess.Popen[str]) -> None:
    """The supervisor itself gives up in time, and then its output ends."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Loopync runs at"):
            return
    raise AssertionError("".join(said))


def _is_setting(name: str) -> bool:
    return name.startswith("LOOPYNC_") or name == "DATABASE_URL"


def _is_trouble(line: str) -> bool:
    try:
        return json.loads(line)["level"] in ("error", "critical")
    except (ValueError, KeyError, TypeError):
        return True


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports
