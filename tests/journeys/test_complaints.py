"""The controls: a window notices every kind of trouble that no journey may cause."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.product import Product
from tests.browser.window import open_window

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("console.error('broken')", "error: broken"),
        ("console.warn('odd')", "warning: odd"),
        ("setTimeout(() => { throw new Error('thrown') })", "uncaught: thrown"),
        (
            "new Image().src = 'https://example.com/spy.png'",
            'Content Security Policy directive: "img-src',
        ),
        ("fetch('/api/v1/nowhere')", "status of 404"),
    ],
)
def test_a_window_notices(browser: Browser, product: Product, fault: str, complaint: str) -> None:
    window = open_window(browser, product.url, "phone")
    window.goes_to("/login")
    expect(window.button("Log in")).to_be_visible()
    assert window.complaints.unexpected() == []
    with window.page.expect_event("pageerror" if complaint.startswith("uncaught") else "console"):
        window.page.evaluate(f"() => {{ {fault} }}")
    assert any(complaint in line for line in window.complaints.unexpected())
    window.complaints.expect(complaint)
    assert window.complaints.unexpected() == []
    window.context.close()
