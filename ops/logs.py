"""What the parts say, a file each, kept from growing without end."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import IO

import trio

from ops.say import say

LOG_BYTES_MAX = 20_000_000
LOOK_SECONDS = 30.0
LAST_LINES = 5


class Logs:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def open(self, name: str) -> IO[bytes]:
        return self.path(name).open("ab")

    def end_of(self, name: str) -> str:
        """The last lines, and where the rest is."""
        text = self.path(name).read_text(errors="replace")
        return "\n".join((*text.splitlines()[-LAST_LINES:], f"(all of it is in {self.path(name)})"))

    async def keep_short(self) -> None:
        """Copy what is too long aside, one generation, and begin anew.

        Parts have their log open for appending, so they go on at the new end.
        """
        while True:
            for path in self.folder.glob("*.log"):
                try:
                    _shorten(path)
                except OSError as error:
                    say(f"{path} cannot be kept short: {error.strerror}.")
            await trio.sleep(LOOK_SECONDS)


def _shorten(path: Path) -> None:
    if path.stat().st_size > LOG_BYTES_MAX:
        # On a full disk the copy fails; what cannot be kept is let go all the same.
        with suppress(OSError):
            shutil.copyfile(path, path.with_suffix(".log.old"))
        with path.open("r+b") as file:
            file.truncate()
