"""The embedded PostgreSQL: for every user, in every folder, and after every way to die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import trio

from storage.database import open_database
from storage.embedded import (
    EmbeddedError,
    EmbeddedInUseError,
    EmbeddedPostgres,
    started_or_found,
    url_of,
)
from storage.embedded.cluster import ENVIRONMENT, HERE
from storage.embedded.programs import account, programs
from storage.process import spawn
from tests.needs import needs_root

END_SECONDS_MAX = 20


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def ask(url: str, sql: str) -> Any:
    async def asked() -> Any:
        async with open_database(url, connections_max=1) as database, database.transaction() as tx:
            return await tx.value(sql)

    return trio.run(asked)


@dataclass(frozen=True)
class Starter:
    """A process that started a server, which is its child, and `plain`, which is no matter."""

    process: subprocess.Popen[str]
    server: psutil.Process
    plain: psutil.Process


@contextmanager
def starter(data: Path) -> Iterator[Starter]:
    command = [sys.executable, "-m", "tests.storage.embedded_starter", str(data)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    server, plain = map(psutil.Process, map(int, process.stdout.readline().split()))
    try:
        yield Starter(process, server, plain)
    finally:
        process.communicate(timeout=END_SECONDS_MAX)
        with suppress(psutil.NoSuchProcess):
            plain.kill()


def test_it_keeps_what_was_stored(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        ask(server.url, "CREATE TABLE letters AS SELECT 'Dear Ben' AS text")
    with EmbeddedPostgres(data) as server:
        assert ask(server.url, "SELECT text FROM letters") == "Dear Ben"


def test_it_is_safe_on_disk_and_sorts_as_everywhere(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        asked = ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"]
        assert {ask(server.url, f"SHOW {name}") for name in asked} == {"on"}
        assert ask(server.url, "SHOW server_encoding") == "UTF8"
        assert ask(server.url, "SELECT 'a' > 'B'"), "code points, whatever the machine's language"


def test_nobody_else_can_walk_to_it(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        assert ask(server.url, "SHOW listen_addresses") == ""
        for folder in (data, data / "postgres"):
            assert folder.stat().st_mode & 0o077 == 0


def test_a_path_too_long_for_a_socket_does_no_harm(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 30) / "data"
    with EmbeddedPostgres(data) as server:
        assert ask(server.url, "SELECT 1") == 1


def test_a_second_starter_is_told_who_is_there(data: Path) -> None:
    with EmbeddedPostgres(data) as first:
        with pytest.raises(
            EmbeddedInUseError, match=r"Another Loopync already uses .*LOOPYNC_DATA"
        ):
            EmbeddedPostgres(data).start()
        assert ask(first.url, "SELECT 1") == 1


def test_a_command_joins_the_server_that_runs_and_leaves_it_running(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        with started_or_found(data) as url:
            assert url == server.url
        assert ask(server.url, "SELECT 1") == 1


def test_without_one_it_has_its_own_for_the_while(data: Path) -> None:
    with started_or_found(data) as url:
        assert ask(url, "SELECT 1") == 1
    with EmbeddedPostgres(data):
        pass  # Nobody uses it any more.


@pytest.mark.fault
def test_it_dies_with_its_starter(data: Path) -> None:
    with starter(data) as started:
        started.process.kill()
        started.server.wait(END_SECONDS_MAX)
        assert started.plain.is_running(), "the control: a child survives unless it is told not to"


@pytest.mark.fault
def test_after_everything_was_killed_it_starts_again_with_what_was_stored(data: Path) -> None:
    with starter(data) as started:
        ask(url_of(data), "CREATE TABLE letters AS SELECT 'Dear Ben' AS text")
        family = [started.server, *started.server.children(recursive=True)]
        # The server before its starter, whose death alone would let it end in good order.
        for process in family:
            with suppress(psutil.NoSuchProcess):  # A worker that followed its server by itself.
                process.kill()
        started.process.kill()
        left_behind = data / "postgres" / "postmaster.pid"
        assert left_behind.exists(), "the control: it had no time to tidy up"
        with EmbeddedPostgres(data) as server:
            assert ask(server.url, "SELECT text FROM letters") == "Dear Ben"


@pytest.mark.fault
def test_killed_alone_it_can_be_started_again_by_the_same_starter(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        ask(server.url, "CREATE TABLE letters AS SELECT 'Dear Ben' AS text")
        server.process.kill()
        server.process.wait()
        server.start()
        assert ask(server.url, "SELECT text FROM letters") == "Dear Ben"


@pytest.mark.fault
def test_a_stranger_with_the_number_of_a_dead_server_is_not_taken_for_it(data: Path) -> None:
    with EmbeddedPostgres(data):
        pass
    reader, writer = os.pipe()
    stranger = spawn(
        ["/bin/sh", "-c", "echo I am here; exec sleep 600"],
        folder=Path("/"),
        environment={"PATH": "/usr/bin:/bin"},
        output=writer,
        account=account(),
    )
    os.close(writer)
    with os.fdopen(reader) as said:
        said.readline()  # From now on it is the user's whom PostgreSQL runs as.
    pid_file = data / "postgres" / "postmaster.pid"
    lines = [stranger.pid, HERE, 1, 5432, HERE, "", "", "ready"]
    stale = "\n".join(map(str, lines)) + "\n"
    try:
        pid_file.write_text(stale)
        control = spawn(
            [programs() / "postgres", "-D", HERE],
            folder=data / "postgres",
            environment=ENVIRONMENT,
            output=subprocess.DEVNULL,
            account=account(),
        )
        code = control.wait(END_SECONDS_MAX)
        assert code == 1, "the control: by itself, PostgreSQL believes the file"
        with EmbeddedPostgres(data) as server:
            assert ask(server.url, "SELECT 1") == 1
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.fault
def test_a_start_that_was_cut_off_halfway_is_begun_anew(data: Path) -> None:
    (data / "postgres.new" / "base").mkdir(parents=True)
    with EmbeddedPostgres(data) as server:
        assert ask(server.url, "SELECT 1") == 1


def test_a_server_that_cannot_start_says_why(data: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"ended at its start: .*shared_buffers"):
        EmbeddedPostgres(data, options={"shared_buffers": "much"}).start()
    with EmbeddedPostgres(data):
        pass  # And it is not taken to be running.


def test_data_of_another_version_is_left_alone(data: Path) -> None:
    with EmbeddedPostgres(data):
        pass
    (data / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedError, match="was made by PostgreSQL 17, and this is 18"):
        EmbeddedPostgres(data).start()


@needs_root()
def test_for_root_it_runs_as_nobody_in_a_folder_that_nobody_can_walk_to(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        assert psutil.Process(server.process.pid).username() == "nobody"
        seen = spawn(
            ["/bin/ls", data],
            folder=Path("/"),
            environment={},
            output=subprocess.DEVNULL,
            account=account(),
        )
        assert seen.wait() != 0, "the control: nobody cannot get there by name"
        assert ask(server.url, "SELECT 1") == 1


@needs_root()
def test_data_of_another_user_is_left_alone(data: Path) -> None:
    with EmbeddedPostgres(data):
        pass
    os.chown(data / "postgres", 12345, 12345)
    with pytest.raises(EmbeddedError, match="was made by another user"):
        EmbeddedPostgres(data).start()


def test_a_child_whose_starter_is_gone_already_never_begins() -> None:
    nobody_lives_there = [sys.executable, "-m", "storage.process"]
    arguments = ["1", str(int(signal.SIGTERM)), "-1", "-1", "/bin/echo", "begun"]
    ended = subprocess.run(
        [*nobody_lives_there, *arguments], capture_output=True, text=True, check=True
    )
    assert ended.stdout == ""
