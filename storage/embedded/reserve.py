"""Room kept for the hour of need: a server on a full disk cannot start, and nobody could read.

A file holds it. When the server must start and finds no room, the file is given up; it is made
again at a later start that has enough. Not before the server has ended: what fills the disk may
not be done with it, and would take this too.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

RESERVE_BYTES = 32 * 1024 * 1024
"""Two files of the server's log: to recover, and to go on. Less than what ends writing
(storage.room), so that people do not fill it with words."""

MAKING_BYTES_MIN = 8 * RESERVE_BYTES
"""Free bytes from which on it is made, so that it is never what fills the disk."""


def prepare(data: Path) -> None:
    """Before each start: see that there is room for it, and keep some for the next."""
    reserve = data / "reserve"
    disk = os.statvfs(data)
    free = disk.f_bavail * disk.f_frsize
    if free < RESERVE_BYTES:
        reserve.unlink(missing_ok=True)
    elif free >= MAKING_BYTES_MIN and not reserve.exists():
        try:
            with reserve.open("xb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
        except OSError:
            with suppress(OSError):
                reserve.unlink()
