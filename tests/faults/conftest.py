"""A realtime process over this test's own database; everything here is a test of faults."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage.gate import Gate
from tests.realtime.conftest import Process, running_process


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/faults" in item.path.as_posix():
            item.add_marker(pytest.mark.fault)


@pytest.fixture
async def process(gate: Gate) -> AsyncIterator[Process]:
    async with running_process(gate) as process:
        yield process
