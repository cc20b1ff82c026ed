"""The same seed is the same run: in this process, in another one, and with other hashes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres import Server
from tests.simulation.database import Postgres
from tests.simulation.run import run_seed

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (2, 9, 14)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_twice_is_one_run(seed: int, postgres: Postgres) -> None:
    first, second = run_seed(seed, postgres), run_seed(seed, postgres)
    assert first.trace == second.trace
    assert first.digest == second.digest
    assert first.digest != run_seed(seed + 1, postgres).digest


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_seed_is_the_same_run_in_another_process(
    hash_seed: str, postgres: Postgres, server: Server
) -> None:
    digest = run_seed(SEEDS[0], postgres).digest
    with server.empty_database() as url:
        ran = subprocess.run(
            [sys.executable, "-m", "tests.simulation.run", str(SEEDS[0]), url],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
    assert ran.stdout.splitlines()[-2:] == [digest, "well"]
