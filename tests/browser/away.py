"""Of windows whose link is gone, and back."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.window import Window

LOST_LINK = "WebSocket connection to|ERR_INTERNET_DISCONNECTED|net::ERR_NETWORK"
"""What the browser itself says of it."""
SETTLED_MS_MAX = 60_000
"""A machine three times slower, starting PostgreSQL again from its journal."""


def offline_banner(window: Window) -> Locator:
    return window.page.get_by_test_id("offline")


def settles(window: Window) -> None:
    """The banner is gone and nothing waits to be sent."""
    expect(offline_banner(window)).to_have_count(0, timeout=SETTLED_MS_MAX)
    waiting = window.thread.locator(".bubble[data-state=waiting]")
    expect(waiting).to_have_count(0, timeout=SETTLED_MS_MAX)


def network_is_back(window: Window) -> None:
    """As the system tells it: the client does not wait for its next try."""
    window.page.evaluate("window.dispatchEvent(new Event('online'))")
