"""The load generator as a process, from the side of whoever tells it what to do."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from bench.load.orders import Cast, Outcome, Ready, Step
from bench.servers import CHECKOUT, BenchError, end
from storage.process import spawn

ANSWER_SECONDS_MAX = 60.0
"""Beyond the time that a step is to take."""

T = TypeVar("T")


class GeneratorProcess:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._input, self._output, self._complaints = process.stdin, process.stdout, process.stderr

    def tell(self, order: Cast | Step) -> None:
        try:
            self._input.write(msgspec.json.encode(order) + b"\n")
            self._input.flush()
        except BrokenPipeError:
            raise self._why_it_ended() from None

    def outcome(self, seconds: float) -> Outcome:
        """Of the step that was told last. Raises BenchError when the generator ends instead."""
        return self._answer(Outcome, seconds)

    def ready(self) -> None:
        self._answer(Ready, 0)

    def _answer(self, kind: type[T], seconds: float) -> T:
        if not select.select([self._output], [], [], seconds + ANSWER_SECONDS_MAX)[0]:
            raise BenchError("the load generator does not answer")
        line = self._output.readline()
        if not line:
            raise self._why_it_ended()
        return msgspec.json.decode(line, type=kind)

    def _why_it_ended(self) -> BenchError:
        complaint = self._complaints.read().decode(errors="replace").strip()
        return BenchError(complaint or "the load generator ended")


@contextmanager
def generator(cast: Cast) -> Iterator[GeneratorProcess]:
    """Signed in with all its connections. Raises BenchError."""
    process = spawn(
        [sys.executable, "-m", "bench.load"],
        folder=CHECKOUT,
        environment=os.environ,
        input=subprocess.PIPE,
        output=subprocess.PIPE,
    )
    with process:
        try:
            found = GeneratorProcess(process)
            found.tell(cast)
            found.ready()
            yield found
        finally:
            end(process)
