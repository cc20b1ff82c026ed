"""The real-time clocks of an instance's processes, set while they run. Monotonic time goes on."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

from tests.faults.variants import DATABASE_CLOCK, PARTS_CLOCK

Whose: TypeAlias = Literal["parts", "database", "both"]

HOUR_SECONDS = 3600


class Clocks:
    """Off by so many seconds; read by the processes at least once a second."""

    def __init__(self, folder: Path, whose: Whose) -> None:
        self._whose = whose
        self._files = {PARTS_CLOCK: folder / "parts", DATABASE_CLOCK: folder / "database"}
        for file in self._files.values():
            file.write_text("+0\n")
            file.chmod(0o644)

    def set(self, seconds: int) -> None:
        for name, file in self._files.items():
            if self._whose == "both" or (self._whose == "parts") == (name == PARTS_CLOCK):
                new = file.with_suffix(".new")
                new.write_text(f"{seconds:+d}\n")
                new.chmod(0o644)
                new.rename(file)

    @property
    def environment(self) -> dict[str, str]:
        return {name: json.dumps(_faked_by(file)) for name, file in self._files.items()}


def _faked_by(file: Path) -> dict[str, str]:
    return {
        "LD_PRELOAD": str(_library()),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DISABLE_SHM": "1",
        "NO_FAKE_STAT": "1",
    }


def _library() -> Path:
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


@contextmanager
def clocks(whose: Whose) -> Iterator[Clocks]:
    """Where PostgreSQL, which root runs as nobody, can read them too."""
    folder = Path(tempfile.mkdtemp(prefix="loopync-clocks-"))
    folder.chmod(0o755)
    try:
        yield Clocks(folder, whose)
    finally:
        shutil.rmtree(folder)
