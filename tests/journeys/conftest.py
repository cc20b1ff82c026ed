"""One product and one browser for all journeys; a window for each person of each test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.browser.people import People, Person
from tests.browser.product import Product, running_product
from tests.browser.window import Size, Window, open_window, sign_in
from tests.needs import program

EXPECT_MS_MAX = 10_000
LAUNCH_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=EXPECT_MS_MAX)

# Not for the session: while Playwright runs, no other event loop can in this thread.


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("product")) as product:
        yield product


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    manager = sync_playwright()
    with plain_event_loops():
        playwright = manager.start()
    yield playwright
    playwright.stop()


@contextmanager
def plain_event_loops() -> Iterator[None]:
    """Where trio-asyncio was imported, new loops are its own, and Playwright cannot use those."""
    policy = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())
    try:
        yield
    finally:
        asyncio.set_event_loop_policy(policy)


@contextmanager
def own_browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=program("chromium"), args=LAUNCH_ARGUMENTS)
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with own_browser(playwright) as browser:
        yield browser


@pytest.fixture(scope="package")
def people(product: Product) -> Iterator[People]:
    people = People(product.url)
    yield people
    people.close()


@pytest.fixture(params=["phone", "desktop"])
def size(request: pytest.FixtureRequest) -> Size:
    size: Size = request.param
    return size


Open = Callable[..., Window]


@pytest.fixture
def visit(browser: Browser, product: Product) -> Iterator[Open]:
    """Opens windows; at the end none of them may have complained."""
    windows: list[Window] = []

    def visit(size: Size, **options: bool | str) -> Window:
        windows.append(open_window(browser, product.url, size, **options))  # type: ignore[arg-type]  # checked by open_window
        return windows[-1]

    yield visit
    for window in windows:
        window.context.close()
    complaints = [line for window in windows for line in window.complaints.unexpected()]
    assert not complaints


@pytest.fixture
def window_of(visit: Open) -> Open:
    """Opens a window in which somebody is signed in."""

    def window_of(person: Person, size: Size, path: str = "/messages", **options: bool) -> Window:
        window = visit(size, **options)
        sign_in(window, person, path)
        return window

    return window_of
