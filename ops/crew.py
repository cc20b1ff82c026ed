"""Processes that are kept running: started, watched, started again, and ended together.

They form one process group, which its founder (this process) is not in.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import trio

from ops import places
from ops.logs import Logs
from ops.parts import Part
from ops.readiness import Readiness
from ops.say import Stop, say
from storage.process import spawn

POLL_SECONDS = 0.05
STOP_SECONDS_MAX = 8.0
PAUSE_SECONDS_MIN = 0.1
PAUSE_SECONDS_MAX = 3.0
STABLE_SECONDS = 10.0  # Who lived for so long is taken to be well, and started again at once.
ENDS_BEFORE_READY_MAX = 3


class Crew:
    def __init__(self, logs: Path) -> None:
        self.logs = Logs(logs)
        self.group: int | None = None
        self._living: dict[str, subprocess.Popen[bytes]] = {}
        self._ready: dict[str, trio.Event] = {}

    def join(self, process: subprocess.Popen[bytes]) -> None:
        """Whom the crew shares a process group with from now on."""
        self.group = os.getpgid(process.pid)

    def keep(self, part: Part, environment: Mapping[str, str], nursery: trio.Nursery) -> None:
        """Keep the part running for as long as the nursery lives.

        When it never becomes ready, Stop is raised there.
        """
        self._ready[part.name] = trio.Event()
        nursery.start_soon(self._keep, part, environment)

    async def _keep(self, part: Part, environment: Mapping[str, str]) -> None:
        ready = self._ready[part.name]
        for times, pause_seconds in enumerate(pauses(), 1):
            with Readiness(part) as readiness:
                told = {**environment, **readiness.environment}
                process = self._start(part.name, part.command, told, readiness.keep)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._note_ready, part.name, readiness)
                    code = await ended(process)
                    nursery.cancel_scope.cancel()
            del self._living[part.name]
            if not ready.is_set() and times >= ENDS_BEFORE_READY_MAX:
                end = self.logs.end_of(part.name)
                raise Stop(f"{end}\n{part.name} {how_it_ended(code)} before it was ready.", code=1)
            log = self.logs.path(part.name)
            say(f"{part.name} {how_it_ended(code)}. Starting it again. ({log})")
            await trio.sleep(pause_seconds)

    async def once(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run something to its end. Raises Stop when that is a bad one."""
        code = await ended(self._start(name, command, environment))
        del self._living[name]
        if code != 0:
            raise Stop(f"{self.logs.end_of(name)}\n{name} {how_it_ended(code)}.", code=1)

    async def all_ready(self, seconds_max: float) -> None:
        with trio.move_on_after(seconds_max):
            for ready in self._ready.values():
                await ready.wait()
            return
        names = ", ".join(name for name, ready in self._ready.items() if not ready.is_set())
        raise Stop(f"After {seconds_max:.0f} s not ready: {names}. See {self.logs.folder}.", code=1)

    async def end_all(self) -> None:
        """Ask all to end, and make those that do not. Also when cancelled, so it has a limit."""
        with trio.CancelScope(shield=True):
            for how in (signal.SIGTERM, signal.SIGKILL):
                for process in self._living.values():
                    process.send_signal(how)
                with trio.move_on_after(STOP_SECONDS_MAX):
                    for process in self._living.values():
                        await ended(process)
                    return

    async def _note_ready(self, name: str, readiness: Readiness) -> None:
        await readiness.wait()
        if self._ready[name].is_set():
            say(f"{name} is ready again.")
        self._ready[name].set()

    def _start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        keep: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        assert name not in self._living
        with self.logs.open(name) as log:
            process = spawn(
                command,
                folder=places.CHECKOUT,
                environment=environment,
                output=log,
                group=self.group,
                keep=keep,
            )
        self.join(process)
        self._living[name] = process
        return process


async def ended(process: subprocess.Popen[bytes]) -> int:
    """The exit code, negative for a signal."""
    # A pidfd would spare the asking, but some containers forbid them.
    while (code := process.poll()) is None:  # noqa: ASYNC110
        await trio.sleep(POLL_SECONDS)
    return code


def pauses() -> Iterator[float]:
    """Seconds to wait before each new start: longer and longer, short again after a good life."""
    pause_seconds = PAUSE_SECONDS_MIN
    while True:
        began = trio.current_time()
        yield pause_seconds
        lived_seconds = trio.current_time() - began - pause_seconds
        well = lived_seconds > STABLE_SECONDS
        pause_seconds = PAUSE_SECONDS_MIN if well else min(pause_seconds * 2, PAUSE_SECONDS_MAX)


def how_it_ended(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"
