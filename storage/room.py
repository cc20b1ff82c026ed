"""Room on the disk of the embedded server: writing ends while there is still some left.

PostgreSQL that cannot write its own log ends, and nobody reads then. So what people ask to be
stored is refused before that, with words; sessions, leases, marks of time and the log itself go
on in the rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import structlog

from storage.errors import Unavailable

ROOM_BYTES_MIN = 64 * 1024 * 1024  # Four files of PostgreSQL's log.
LOOK_SECONDS = 0.25
RETRY_SECONDS = 5.0

log = structlog.get_logger()


def free_bytes(folder: Path) -> int:
    """What an ordinary user may still write there."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


class Room:
    """`folder` lies on the disk in question, None when that disk is another machine's matter."""

    def __init__(self, folder: Path | None, seconds_now: Callable[[], float]) -> None:
        self._folder = folder
        self._seconds_now = seconds_now
        self._looked_at = float("-inf")
        self._is_short = False

    def is_short(self) -> bool:
        """As it was within the last LOOK_SECONDS."""
        if self._folder is not None and self._seconds_now() - self._looked_at >= LOOK_SECONDS:
            self._looked_at = self._seconds_now()
            self._note(free_bytes(self._folder))
        return self._is_short

    def require(self) -> None:
        """Raises Unavailable while nothing can be stored."""
        if self.is_short():
            raise no_room()

    def _note(self, free: int) -> None:
        was_short, self._is_short = self._is_short, free < ROOM_BYTES_MIN
        if self._is_short and not was_short:
            log.error("disk_full", folder=str(self._folder), free_bytes=free)
        elif was_short and not self._is_short:
            log.info("disk_has_room", folder=str(self._folder), free_bytes=free)


def no_room() -> Unavailable:
    hint = "the server's disk is full: nothing is stored until there is room, reading goes on"
    return Unavailable("disk", hint, retry_after_seconds=RETRY_SECONDS)
