"""The server as a process.

Two locks tell who is there. `owner` is held by the starter; `server` by every process of the
server, through inheritance. A free `server` lock proves that nothing runs, so that pid files
which a crash left behind can be deleted, whatever process has their number by now.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.embedded import reserve
from storage.embedded.cluster import (
    ENVIRONMENT,
    HERE,
    SOCKET_NAME,
    check_cluster,
    cluster_of,
    last_line,
    make_cluster,
    url_of,
)
from storage.embedded.errors import EmbeddedError, EmbeddedInUseError
from storage.embedded.programs import account, programs
from storage.process import spawn

START_SECONDS_MAX = 60.0  # Replaying the log after a crash takes its time.
STOP_SECONDS_MAX = 15.0
OWNER_SECONDS_MAX = 1.0  # A killed starter lets go as soon as the kernel comes to it.
LEAVING_SECONDS_MAX = 20.0  # What a killed starter's server may take to end.
POLL_SECONDS = 0.02
LOG_BYTES_MAX = 10_000_000
OPTIONS = {
    "listen_addresses": "",
    "unix_socket_directories": HERE,
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "log_checkpoints": "off",
    # On a full disk it would crash and start again for ever, all by itself. Ended, it is started
    # by whoever looks after it, who sees to it that there is room.
    "restart_after_crash": "off",
    # After a crash one call instead of one for each file: an outage is as long as this takes.
    "recovery_init_sync_method": "syncfs",
    # Filling each new file of the log with zeros stalls every commit for 40 to 70 ms, every few
    # seconds under load. What it would reserve on the disk, storage.room keeps free.
    "wal_init_zero": "off",
    "timezone": "UTC",
}


class EmbeddedPostgres:
    """One server over one data folder. Not for several threads.

    `options` are settings of PostgreSQL. Everything raises EmbeddedError with a sentence for the
    person who started it.
    """

    def __init__(self, data: Path, *, options: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.log = data / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._cluster = cluster_of(data)
        self._options = OPTIONS | dict(options or {})
        self._owner: int | None = None

    @property
    def url(self) -> str:
        return url_of(self.data)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "only while it runs"
        return self._process

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when the server answers."""
        try:
            self.spawn()
            deadline = time.monotonic() + START_SECONDS_MAX
            while not self.ready():
                if time.monotonic() > deadline:
                    raise EmbeddedError(f"PostgreSQL is not ready after {START_SECONDS_MAX:.0f} s.")
                time.sleep(POLL_SECONDS)
        except BaseException:
            self.stop()
            raise

    def spawn(self, *, group: int | None = None) -> None:
        """Returns as soon as there is a process; also used to start it again after it died."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._owner is None:
            self._owner = _own(self.data)
        server = _lock(self.data / "postgres.server.lock", LEAVING_SECONDS_MAX)
        if server is None:
            raise EmbeddedError(f"An earlier PostgreSQL over {self.data} does not end.")
        try:
            reserve.prepare(self.data)
            if not self._cluster.exists():
                make_cluster(self.data)
            check_cluster(self.data)
            for name in ("postmaster.pid", SOCKET_NAME, f"{SOCKET_NAME}.lock"):
                (self._cluster / name).unlink(missing_ok=True)
            command: list[str | Path] = [programs() / "postgres", "-D", HERE]
            for name, value in self._options.items():
                command += ["-c", f"{name}={value}"]
            if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
                self.log.replace(self.log.with_suffix(".log.old"))
            self.log.touch(mode=0o600)
            with self.log.open("ab") as log:
                self._process = spawn(
                    command,
                    folder=self._cluster,
                    environment=ENVIRONMENT,
                    output=log,
                    dies_by=signal.SIGINT,  # A fast but orderly shutdown.
                    account=account(),
                    group=group,
                    keep=[server],
                )
        finally:
            os.close(server)  # From now on the server alone holds it.

    def ready(self) -> bool:
        """Whether it answers by now. Raises when it has ended instead."""
        if self.process.poll() is not None:
            raise EmbeddedError(f"PostgreSQL ended at its start: {last_line(self.log)}")
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and int(lines[0]) == self.process.pid and lines[7].strip() == "ready"

    def stop(self) -> None:
        """End it in good order; by force when that takes too long. Twice does no harm."""
        if self._process is not None:
            # Fast, then without a checkpoint, then at once; whatever was committed is safe in all.
            for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                self._process.send_signal(how)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(STOP_SECONDS_MAX)
                    break
            self._process = None
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None


@contextmanager
def started_or_found(data: Path) -> Iterator[str]:
    """The URL of the server over `data`: of the one that runs already, else of one for the while.

    A server that is found may still be starting; whoever connects should try for a moment.
    """
    server = EmbeddedPostgres(data)
    try:
        server.start()
    except EmbeddedInUseError:
        yield server.url
        return
    try:
        yield server.url
    finally:
        server.stop()


def _own(data: Path) -> int:
    lock = _lock(data / "postgres.owner.lock", OWNER_SECONDS_MAX)
    if lock is None:
        raise EmbeddedInUseError(
            f"Another Loopync already uses the data folder {data}. Stop that one, or set "
            "LOOPYNC_DATA to another folder."
        )
    return lock


def _lock(path: Path, wait_seconds: float) -> int | None:
    """An open file that holds the lock until it and all its heirs are closed; None: too late."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(file)
                return None
            time.sleep(POLL_SECONDS)
        else:
            return file
