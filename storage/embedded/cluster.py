"""PostgreSQL's own folder: made once and whole, and where its socket is."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import quote

from storage.embedded.errors import EmbeddedError
from storage.embedded.programs import account, programs
from storage.process import spawn

HERE = "/proc/self/cwd"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
MAJOR_VERSION = "18"
DATABASE = "loopync"
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES_MAX = 107
# "trust": whoever can reach the socket, in a folder closed to all others, is the owner. Where root
# started it, that is every process of the account it steps down to.
INITDB = (
    *("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"),
    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--sync-method=syncfs"),
)


def cluster_of(data: Path) -> Path:
    return data / "postgres"


def url_of(data: Path) -> str:
    """Where the server over `data` listens, or would."""
    folder = cluster_of(data)
    if len(os.fsencode(folder / SOCKET_NAME)) > SOCKET_PATH_BYTES_MAX:
        folder = _shortcut(folder)
    return f"postgresql://postgres@/{DATABASE}?host={quote(str(folder))}"


def make_cluster(data: Path) -> None:
    """Only with the server's lock held. Killed halfway, it leaves what the next call clears."""
    new = data / "postgres.new"
    if new.exists():
        shutil.rmtree(new)
    new.mkdir(mode=0o700)
    identity = account()
    if identity is not None:
        os.chown(new, identity.uid, identity.gid)
    log = data / "postgres.initdb.log"
    _run(["initdb", "-D", HERE, *INITDB], new, log)
    _run(["postgres", "--single", "-D", HERE, "postgres"], new, log, f"CREATE DATABASE {DATABASE}")
    new.rename(cluster_of(data))


def _run(command: list[str], folder: Path, log: Path, line: str = "") -> None:
    log.touch(mode=0o600)
    with log.open("ab") as output, TemporaryFile() as given:
        given.write(line.encode() + b"\n")
        given.seek(0)
        child = spawn(
            [programs() / command[0], *command[1:]],
            folder=folder,
            environment=ENVIRONMENT,
            input=given,
            output=output,
            dies_by=signal.SIGKILL,
            account=account(),
        )
        if child.wait() != 0:
            raise EmbeddedError(f"{command[0]} failed: {last_line(log)}")


def check_cluster(data: Path) -> None:
    cluster = cluster_of(data)
    owner = os.geteuid() if (runs_as := account()) is None else runs_as.uid
    if cluster.stat().st_uid != owner:
        raise EmbeddedError(
            f"{cluster} was made by another user. Start Loopync as that user, or set "
            "LOOPYNC_DATA to another folder."
        )
    version = (cluster / "PG_VERSION").read_text().strip()
    if version != MAJOR_VERSION:
        raise EmbeddedError(
            f"{cluster} was made by PostgreSQL {version}, and this is {MAJOR_VERSION}. Carry it "
            "over by pg_dump, or set LOOPYNC_DATA to another folder."
        )


def last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"{lines[-1]} (see {log})" if lines else f"see {log}"


def _shortcut(folder: Path) -> Path:
    """A short link to a folder whose path is too long for a socket's address."""
    mine = Path(f"/tmp/loopync-{os.geteuid()}")
    mine.mkdir(mode=0o700, exist_ok=True)
    about = mine.lstat()
    if about.st_uid != os.geteuid() or about.st_mode != stat.S_IFDIR | 0o700:
        raise EmbeddedError(
            f"{mine} is not a folder of yours alone, and without it the path {folder} is too "
            "long for a socket; set LOOPYNC_DATA to a shorter one."
        )
    link = mine / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    with suppress(FileExistsError):
        link.symlink_to(folder)
    return link
