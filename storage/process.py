"""Starts processes that end when their starter does, even when that one is killed.

`spawn` runs this file as a script in between: it gives up root, asks the kernel for a signal at
the parent's death, and becomes the command. Doing that in a process of its own, and not between
fork and exec, keeps it safe beside threads. The kernel watches the *thread* that spawned, so
call `spawn` from a thread that lives as long as the children should: the main one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

PR_SET_PDEATHSIG = 1
READY_FD = "LOOPYNC_READY_FD"
"""Names the open file of the starter's on which a process says, with any byte, that it is ready."""


class Account(NamedTuple):
    """Whom a child runs as, when not as its starter."""

    uid: int
    gid: int


def spawn(
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str],
    output: IO[bytes] | int,
    input: IO[bytes] | int = subprocess.DEVNULL,  # noqa: A002  # as subprocess has it
    dies_by: signal.Signals = signal.SIGTERM,
    account: Account | None = None,
    group: int | None = None,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command` in `folder`, both output streams into `output`.

    `group`: the process group to join; when it is gone, or None, the child leads one of its own.
    A terminal's Ctrl-C then reaches the starter alone, which ends its children in good order.
    `keep`: open files which the child inherits.
    """
    uid, gid = account or (-1, -1)
    words = [str(word) for word in (os.getpid(), int(dies_by), uid, gid, *command)]
    full = [sys.executable, "-I", "-S", __file__, *words]

    def start(process_group: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            full,
            cwd=folder,
            env=environment,
            stdin=input,
            stdout=output,
            stderr=output,
            process_group=process_group,
            pass_fds=keep,
        )

    if group is not None:
        try:
            return start(group)
        except (PermissionError, ProcessLookupError):
            pass  # Its last member has ended.
    return start(0)


def tell_ready() -> None:
    """Say to the starter that this very process serves now. Nothing, where none asked for that."""
    fd = os.environ.pop(READY_FD, None)
    if fd is None:
        return
    try:
        os.write(int(fd), b"ready")
        os.close(int(fd))
    except OSError:
        pass  # The starter has ended, and so shall we.


def become(arguments: list[str]) -> None:
    """What the process in between does; never returns, unless the starter is already gone."""
    import ctypes

    parent, dies_by, uid, gid = map(int, arguments[:4])
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After the change of user, which clears it.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, dies_by)
    if os.getppid() == parent:
        os.execv(arguments[4], arguments[4:])


if __name__ == "__main__":
    become(sys.argv[1:])
