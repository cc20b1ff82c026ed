"""How one start of a part is known to be ready: by asking at its door, or by its own word."""

from __future__ import annotations

import os
from types import TracebackType

import trio

from ops.parts import Part
from storage.process import READY_FD


class Readiness:
    """Of one process. A port that several share cannot say which of them answered."""

    def __init__(self, part: Part) -> None:
        self._ask = part.ready
        self.keep: tuple[int, ...] = ()
        """Open files that the process inherits."""
        self.environment: dict[str, str] = {}
        """What the process is told of them."""
        if part.ready is None:
            self._word, write = os.pipe()
            self.keep = (write,)
            self.environment[READY_FD] = str(write)

    async def wait(self) -> None:
        """Returns when the process is ready; to be cancelled when it ends before."""
        if self._ask is not None:
            await self._ask()
        else:
            await trio.lowlevel.wait_readable(self._word)

    def __enter__(self) -> Readiness:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._ask is None:
            for fd in (self._word, *self.keep):
                os.close(fd)
