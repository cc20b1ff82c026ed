"""What the scenarios measure: servers, each over a PostgreSQL of its own, in a folder that goes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from bench import people
from bench.cpu import cpu_seconds
from bench.load.orders import Cast
from storage.database import open_database
from storage.embedded import EmbeddedPostgres
from storage.process import spawn

CHECKOUT = Path(__file__).resolve().parent.parent
LIMITS_SCALE = 1000.0
"""LOOPYNC_LIMITS: a few hundred people send what many thousands would."""
START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 8.0
POLL_SECONDS = 0.05
LOG_LINES_SHOWN = 15


class BenchError(Exception):
    """The run cannot go on; the message is for the person at the terminal."""


@dataclass(frozen=True)
class Server:
    """`cast`: who is to connect to it, and how."""

    name: str
    cast: Cast
    server_pid: int
    postgres_pid: int
    database_url: str

    def cpu_seconds(self) -> tuple[float, float]:
        """(of the server, of its PostgreSQL), since they began."""
        return cpu_seconds(self.server_pid), cpu_seconds(self.postgres_pid)

    def stored_messages(self) -> int:
        return trio.run(_stored_messages, self.database_url)


@contextmanager
def loopync(data: Path, connections: int) -> Iterator[Server]:
    """As `./loopync up` runs it: the embedded PostgreSQL, and one realtime process."""
    with EmbeddedPostgres(data) as postgres:
        http_port, port = free_ports(2)
        secret = os.urandom(32).hex()
        cast = trio.run(people.of_loopync, postgres.url, secret.encode(), connections)
        environment = {
            "LOOPYNC_HTTP_PORT": str(http_port),
            "LOOPYNC_WS_PORT": str(port),
            "LOOPYNC_DATA": str(data),
            "LOOPYNC_SECRET": secret,
            "LOOPYNC_LIMITS": str(LIMITS_SCALE),
            "DATABASE_URL": postgres.url,
        }
        with running("realtime.main", [], environment, data / "server.log", port) as process:
            yield Server(
                name="loopync",
                cast=Cast(
                    dialect="loopync",
                    host="127.0.0.1",
                    port=port,
                    origin=f"http://127.0.0.1:{http_port}",
                    people=cast,
                ),
                server_pid=process.pid,
                postgres_pid=postgres.process.pid,
                database_url=postgres.url,
            )


@contextmanager
def python_socketio(data: Path, connections: int) -> Iterator[Server]:
    """python-socketio on uvicorn, over a PostgreSQL with the same settings."""
    with EmbeddedPostgres(data) as postgres:
        [port] = free_ports(1)
        secret = os.urandom(32).hex()
        cast = trio.run(people.of_socketio, postgres.url, secret.encode(), connections)
        environment = {"PEER_SECRET": secret, "DATABASE_URL": postgres.url}
        arguments = ["--port", str(port)]
        module, log = "bench.peers.socketio_server", data / "server.log"
        with running(module, arguments, environment, log, port) as process:
            yield Server(
                name="python_socketio",
                cast=Cast(
                    dialect="socketio",
                    host="127.0.0.1",
                    port=port,
                    origin=f"http://127.0.0.1:{port}",
                    people=cast,
                ),
                server_pid=process.pid,
                postgres_pid=postgres.process.pid,
                database_url=postgres.url,
            )


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def running(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path, port: int
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m module`, from when it listens on `port` on. Raises BenchError when it ends."""
    with log.open("wb") as output:
        process = spawn(
            [sys.executable, "-m", module, *arguments],
            folder=CHECKOUT,
            environment={**_neutral_environment(), **environment},
            output=output,
        )
    try:
        _wait_listening(process, module, log, port)
        yield process
    finally:
        end(process)


def _neutral_environment() -> dict[str, str]:
    """Without the settings of an instance that somebody runs from the same terminal."""
    return {name: value for name, value in os.environ.items() if not name.startswith("LOOPYNC_")}


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_listening(process: subprocess.Popen[bytes], module: str, log: Path, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        if process.poll() is not None:
            lines = log.read_text(errors="replace").strip().splitlines()[-LOG_LINES_SHOWN:]
            raise BenchError("\n".join((*lines, f"{module} ended at its start")))
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise BenchError(f"{module} does not answer after {START_SECONDS_MAX:.0f} s")
        time.sleep(POLL_SECONDS)


async def _stored_messages(url: str) -> int:
    async with (
        open_database(url, connections_max=1) as database,
        database.transaction(read_only=True) as tx,
    ):
        count: int = await tx.value("SELECT count(*) FROM messages")
        return count
