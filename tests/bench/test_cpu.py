"""CPU time as the kernel counts it."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.cpu import cpu_seconds, machine_cpu_seconds

BUSY_SECONDS = 0.3
PROGRAM = "import time\nwhile time.process_time() < float(__import__('sys').argv[1]): pass"


def test_children_count_with_their_parent_also_when_they_have_ended() -> None:
    before, machine_before = cpu_seconds(os.getpid()), machine_cpu_seconds()
    subprocess.run([sys.executable, "-c", PROGRAM, str(BUSY_SECONDS)], check=True)
    assert cpu_seconds(os.getpid()) - before >= BUSY_SECONDS * 0.8
    assert machine_cpu_seconds() - machine_before >= BUSY_SECONDS * 0.8


def test_a_process_that_is_gone_has_used_nothing() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert cpu_seconds(gone.pid) == 0
