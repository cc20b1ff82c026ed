"""CPU time of processes, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PARENT, USER, CHILDREN_END = 1, 11, 15
"""Places in /proc/<pid>/stat behind the command's name: ppid, and utime stime cutime cstime."""


def cpu_seconds(root: int) -> float:
    """Of the process `root` and all below it, those that have ended included.

    A process that ends between two calls moves its time to its parent, so nothing is lost.
    """
    stats = _stats()
    below: dict[int, list[int]] = {}
    for pid, fields in stats.items():
        below.setdefault(int(fields[PARENT]), []).append(pid)
    ticks, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        if pid in stats:
            ticks += sum(map(int, stats[pid][USER:CHILDREN_END]))
            waiting += below.get(pid, [])
    return ticks / TICKS_PER_SECOND


def _stats() -> dict[int, list[str]]:
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text()
            except OSError:
                continue  # It has just ended.
            # The name stands in brackets and may hold anything.
            found[int(folder.name)] = text.rpartition(")")[2].split()
    return found


def machine_cpu_seconds() -> float:
    """Of all that ran on this machine since it began, whosever it was."""
    words = Path("/proc/stat").read_text().splitlines()[0].split()
    user, nice, system, _idle, _iowait, irq, softirq = map(int, words[1:8])
    return (user + nice + system + irq + softirq) / TICKS_PER_SECOND
