"""The real program, started as a person starts it, and what may be killed of it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import psutil
import trio

from storage import clock
from storage.actor import Actor
from storage.domains.identity.access_tokens import issue_access_token
from storage.embedded.cluster import cluster_of, make_cluster, url_of
from storage.process import spawn
from tests.conftest import LIMITS_SCALE, TEST_SECRET
from tests.realtime.sockets import free_port

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 60.0
END_SECONDS_MAX = 20.0
POLL_SECONDS = 0.05
REALTIME_PROCESSES = 2

Target: TypeAlias = Literal["realtime", "http", "jobs", "postgres", "backend"]
MODULES: dict[Target, str] = {
    "realtime": "realtime.main",
    "http": "http_api.main",
    "jobs": "http_api.jobs",
}


@dataclass(frozen=True, slots=True)
class Product:
    data: Path
    http_port: int
    ws_port: int
    process: subprocess.Popen[bytes]
    said: Path
    start_seconds: float
    """How long it took to be ready: what this machine is worth at the moment."""

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.ws_port}/ws"

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def database_url(self) -> str:
        return url_of(self.data)

    def kill(self, target: Target, chance: random.Random) -> bool:
        """kill -9 of one such process. False when none runs at this moment."""
        found = self._found(target)
        if not found:
            return False
        with suppress(psutil.NoSuchProcess):
            chance.choice(found).send_signal(signal.SIGKILL)
        return True

    def _found(self, target: Target) -> list[psutil.Process]:
        parts = psutil.Process(self.process.pid).children()
        if target in MODULES:
            return [part for part in parts if MODULES[target] in _words(part)]
        servers = [part for part in parts if _words(part)[0].endswith("/postgres")]
        if target == "postgres":
            return servers
        return [
            child
            for server in servers
            for child in server.children()
            if _words(child)[0].startswith("postgres: postgres loopync")
        ]

    async def admin(self, *arguments: str) -> str:
        """What `./loopync admin …` says. Raises CalledProcessError when it ends badly."""
        command = [sys.executable, "-m", "ops.admin", *arguments]
        ended = await trio.run_process(
            command,
            cwd=CHECKOUT,
            env=_environment(self.data, self.http_port, self.ws_port),
            capture_stdout=True,
            stderr=subprocess.STDOUT,
        )
        return ended.stdout.decode()

    def errors(self) -> list[str]:
        """What the parts logged as an error. An outage is none: they say so as a warning."""
        return [
            f"{log.name}: {line}"
            for log in sorted((self.data / "logs").glob("*.log"))
            for line in log.read_text().splitlines()
            if '"level": "error"' in line or '"level": "critical"' in line
        ]

    def end(self) -> None:
        """In good order. Raises AssertionError when a process is left or it ends badly."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        code = self.process.wait(END_SECONDS_MAX)
        _, left = psutil.wait_procs(family, timeout=END_SECONDS_MAX)
        assert not left, f"still running: {left}"
        assert code == 0, self.said.read_text()


def token_of(actor: Actor) -> str:
    return issue_access_token(
        TEST_SECRET,
        user_id=actor.user_id,
        session_id=actor.session_id,
        role=actor.role,
        now=clock.utc_now(),
    )


@asynccontextmanager
async def running_product(
    data: Path, *, planted: str | None = None, postgres_options: str = ""
) -> AsyncIterator[Product]:
    """Ready when entered. It dies with this process, and with the block.

    `planted`: see tests.crash.planted. `postgres_options`: lines of postgresql.conf.
    """
    _prepare(data, postgres_options)
    http_port, ws_port = free_port(), free_port()
    module = ["ops.supervise"] if planted is None else ["tests.crash.planted", "up", planted]
    said = data / "supervisor.log"
    with said.open("wb") as output:
        process = spawn(
            [sys.executable, "-m", *module],
            folder=CHECKOUT,
            environment=_environment(data, http_port, ws_port),
            output=output,
        )
    began = trio.current_time()
    try:
        await until(
            lambda: "Loopync runs at" in said.read_text() or process.poll() is not None,
            START_SECONDS_MAX,
        )
        assert process.poll() is None, said.read_text()
        start_seconds = trio.current_time() - began
        product = Product(data, http_port, ws_port, process, said, start_seconds)
        yield product
        await trio.to_thread.run_sync(product.end)
    finally:
        # Its parts die with it.
        process.kill()
        process.wait()


def _prepare(data: Path, postgres_options: str) -> None:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if postgres_options:
        make_cluster(data)
        with (cluster_of(data) / "postgresql.conf").open("a") as file:
            file.write(postgres_options)


async def until(holds: Callable[[], bool], seconds_max: float) -> bool:
    """False when it does not hold in time."""
    with trio.move_on_after(seconds_max):
        while not holds():  # noqa: ASYNC110  # other processes set no event
            await trio.sleep(POLL_SECONDS)
        return True
    return False


def _words(process: psutil.Process) -> list[str]:
    try:
        words: list[str] = process.cmdline()
    except psutil.NoSuchProcess:
        words = []
    return words or [""]


def _environment(data: Path, http_port: int, ws_port: int) -> dict[str, str]:
    own = {
        "LOOPYNC_DATA": str(data),
        "LOOPYNC_HTTP_PORT": str(http_port),
        "LOOPYNC_WS_PORT": str(ws_port),
        "LOOPYNC_SECRET": TEST_SECRET.decode(),
        "LOOPYNC_REALTIME_PROCESSES": str(REALTIME_PROCESSES),
        "LOOPYNC_LIMITS": str(LIMITS_SCALE),
        "LOOPYNC_DEMO": "0",
    }
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LOOPYNC_") and name != "DATABASE_URL"
    }
    return others | own
