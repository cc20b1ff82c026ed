"""What the parts say, a file each, kept from growing without end."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import IO

import trio

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
                if path.stat().st_size > LOG_BYTES_MAX:
                    shutil.copyfile(path, path.with_suffix(".log.old"))
                    with path.open("r+b") as file:
                        file.truncate()
            await trio.sleep(LOOK_SECONDS)
