"""`python -m bench echo-server`, as somebody else's conformance suite would meet it."""

import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.trio.client import connect

ECHO_SERVER = [sys.executable, "-m", "bench", "echo-server", "--port", "0"]
PATIENCE_SECONDS = 20


@asynccontextmanager
async def running(*options: str) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """(its URL, what ends it by SIGTERM); it must end without a complaint."""
    async with trio.open_nursery() as nursery:
        run = partial(trio.run_process, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        process: trio.Process = await nursery.start(run, [*ECHO_SERVER, *options])
        assert process.stdout is not None
        assert process.stderr is not None
        with trio.fail_after(PATIENCE_SECONDS):
            line = b""
            while not line.endswith(b"\n"):
                line += await process.stdout.receive_some()
            has_ended = False

            def end() -> None:
                nonlocal has_ended
                if not has_ended:
                    process.send_signal(signal.SIGTERM)
                has_ended = True

            yield line.decode().split()[-1], end
            end()
            assert await process.wait() == 0
            assert b"".join([part async for part in process.stderr]) == b""
        nursery.cancel_scope.cancel()


async def test_it_sends_everything_back_on_any_path_to_anybody() -> None:
    async with (
        running() as (url, _end),
        connect(f"{url}/any/path?at=all", max_size=None) as ana,
    ):
        for message in ("", "Hello", "κόσμε" * 1000, b"\x00\xff", b"*" * (4 << 20)):
            await ana.send(message)
            assert await ana.recv() == message


async def test_its_limits_are_options() -> None:
    async with (
        running("--message-bytes-max", "1000", "--ping-seconds", "0.5") as (url, _end),
        connect(url) as ana,
    ):
        await ana.send("*" * 1000)
        assert await ana.recv() == "*" * 1000
        await ana.send("*" * 1001)
        with pytest.raises(ConnectionClosed) as closed:
            await ana.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_it_says_goodbye_to_those_who_are_there_when_it_ends() -> None:
    async with running() as (url, end):
        async with connect(url) as ana:
            end()
            with pytest.raises(ConnectionClosed) as closed:
                await ana.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4000, "going_away")


async def test_when_it_is_full_it_says_so() -> None:
    async with (
        running("--connections-max", "1") as (url, _end),
        connect(url) as ana,
    ):
        with pytest.raises(InvalidStatus) as rejected:
            async with connect(url):
                pass
        assert rejected.value.response.status_code == 503
        await ana.send("still here")
        assert await ana.recv() == "still here"


@pytest.mark.parametrize("wrong", ["0", "many"])
async def test_a_wrong_limit_is_one_sentence(wrong: str) -> None:
    done = await trio.run_process(
        [*ECHO_SERVER, "--fragments-max", wrong], capture_stderr=True, check=False
    )
    assert done.returncode == 2
    assert b"--fragments-max" in done.stderr
    assert b"Traceback" not in done.stderr
