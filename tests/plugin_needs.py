"""A test whose `needs_…` mark is not met is skipped, named and counted; strict makes it fail.

On a fresh machine most of the tests run; with `LOOPYNC_TEST_STRICT=1` nothing may be missing.
"""

from __future__ import annotations

import pytest

from tests import needs


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # A browser's tests need the browser; saying so once is enough.
        if item.get_closest_marker("browser"):
            item.add_marker(needs.needs_package("chromium"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = needs.missing_for(item.iter_markers())
    if missing is None:
        return
    if needs.strict():
        pytest.fail(f"LOOPYNC_TEST_STRICT=1 and {missing}", pytrace=False)
    pytest.skip(missing)
