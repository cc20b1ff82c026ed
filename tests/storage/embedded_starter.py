"""Starts a server and a plain process, says who they are, and waits: to be killed by a test."""

import subprocess
import sys
from pathlib import Path

from storage.embedded import EmbeddedPostgres

if __name__ == "__main__":
    with EmbeddedPostgres(Path(sys.argv[1])) as server:
        plain = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL)
        sys.stdout.write(f"{server.process.pid} {plain.pid}\n")
        sys.stdout.flush()
        sys.stdin.read()
        plain.kill()
        plain.wait()
