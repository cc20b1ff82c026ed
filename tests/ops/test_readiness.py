"""Each process is known to be ready by itself, also where several share one door."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import trio

from ops.parts import Part
from ops.readiness import Readiness
from storage.process import spawn, tell_ready
from tests.ops.test_supervise import Running, started

READY_SECONDS_MAX = 20

TELLS = "import time; from storage.process import tell_ready; tell_ready(); time.sleep(60)"
SILENT = "import time; time.sleep(60)"


def part_of(program: str) -> Part:
    return Part("part", (sys.executable, "-c", program), ready=None)


def spawned(part: Part, readiness: Readiness) -> subprocess.Popen[bytes]:
    return spawn(
        part.command,
        folder=Path.cwd(),
        environment=os.environ | readiness.environment,
        output=subprocess.DEVNULL,
        keep=readiness.keep,
    )


async def test_a_process_says_that_it_is_ready_and_speaks_for_no_other() -> None:
    telling, silent = part_of(TELLS), part_of(SILENT)
    with Readiness(telling) as told, Readiness(silent) as untold:
        processes = [spawned(telling, told), spawned(silent, untold)]
        try:
            with trio.fail_after(READY_SECONDS_MAX):
                await told.wait()
            with trio.move_on_after(0.2) as waiting:
                await untold.wait()
            assert waiting.cancelled_caught
        finally:
            for process in processes:
                process.kill()
                process.wait()


def test_a_process_that_nobody_asked_says_nothing() -> None:
    tell_ready()


def realtime_processes(running: Running) -> list[psutil.Process]:
    children = psutil.Process(running.process.pid).children()
    return [child for child in children if "realtime.main" in child.cmdline()]


@pytest.mark.fault
def test_one_of_two_realtime_processes_is_replaced_and_said_to_be_ready_itself(
    tmp_path: Path,
) -> None:
    with started(
        tmp_path, "ops.supervise", LOOPYNC_REALTIME_PROCESSES="2", LOOPYNC_DEMO="0"
    ) as running:
        running.read_until("Loopync runs at")
        victim, sibling = realtime_processes(running)
        victim.kill()
        line = running.read_until("realtime-")
        name = line.split()[0]
        assert line.startswith(f"{name} was killed by SIGKILL.")
        running.read_until(f"{name} is ready again.")
        assert sibling in realtime_processes(running)
        assert len(realtime_processes(running)) == 2
        running.process.send_signal(signal.SIGINT)
        assert running.ended() == 0, running.lines
