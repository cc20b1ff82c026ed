"""The README's pictures, made anew when LOOPYNC_SCREENSHOTS=1 is set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.window import Size, Window
from tests.journeys.conftest import Open

pytestmark = pytest.mark.browser

DOCS = Path(__file__).resolve().parents[2] / "docs"
NAMES: dict[Size, str] = {"desktop": "screenshot.png", "phone": "screenshot-phone.png"}
DEMO_PASSWORD = "loopync-demo-2026"
BYTES_MAX = 400_000


def signs_in_to_demo(window: Window, handle: str) -> None:
    window.goes_to("/login")
    window.field("E-mail or handle").fill(handle)
    window.field("Password").fill(DEMO_PASSWORD)
    window.button("Log in").click()
    expect(window.chat("Weekend in Sintra")).to_be_visible()


def test_the_demo_makes_a_lively_picture(visit: Open, size: Size, tmp_path: Path) -> None:
    anas, bens, emis = visit(size), visit("phone"), visit("phone")
    for window, handle in ((anas, "ana"), (bens, "ben"), (emis, "emi")):
        signs_in_to_demo(window, handle)
    anas.opens_chat("Weekend in Sintra")
    bens.opens_chat("Weekend in Sintra")
    emis.opens_chat("Weekend in Sintra")
    anas.sees("I'll be the one with the umbrella, whatever the forecast says.")
    bens.composer.press_sequentially("Save me a")
    expect(anas.subtitle).to_contain_text("is typing…")
    wanted = os.environ.get("LOOPYNC_SCREENSHOTS") == "1"
    # What the pointer rests on would show its menu.
    anas.page.mouse.move(0, 0)
    picture = (DOCS if wanted else tmp_path) / NAMES[size]
    anas.page.screenshot(path=picture)
    assert picture.stat().st_size < BYTES_MAX
