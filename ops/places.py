"""Where things lie: the checkout, and what is made on this machine for it."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


@cache
def made() -> Path:
    """The folder of `.venv`: the checkout, or one in the user's cache where that is read-only."""
    venv = CHECKOUT / ".venv"
    if os.access(venv if venv.exists() else CHECKOUT, os.W_OK):
        return CHECKOUT
    name = hashlib.sha256(os.fsencode(CHECKOUT)).hexdigest()[:12]
    cache_folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache_folder) / "loopync" / name


def venv() -> Path:
    return made() / ".venv"


def venv_python() -> Path:
    return venv() / "bin" / "python"


def notes() -> Path:
    """Stamps, locks and logs of what was made."""
    folder = made() / ".loopync"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def web() -> Path:
    """Where the web client is built: its sources, or a copy of them when they are read-only."""
    return made() / "web"
