"""What the person at the terminal reads: short lines on stdout, and one error at the end."""

from __future__ import annotations

from contextlib import suppress


class Stop(Exception):
    """Nothing more can be done; the message is for the person. `code` is the exit code."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


def say(line: str) -> None:
    """Nobody may be reading any more; what runs must run on all the same."""
    with suppress(OSError):
        print(line, flush=True)
