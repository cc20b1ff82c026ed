"""Names and messages as people really write them, and as attackers do."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.people import People
from tests.browser.window import Size
from tests.journeys.conftest import Open

pytestmark = pytest.mark.browser

LONG_NAME = ("Ana Maria Josefina " * 5)[:80]
ARABIC = "هذا نص من اليمين إلى اليسار، وفيه كلمة English في الوسط"
LONG_WORD = "Donaudampfschifffahrtsgesellschaft" * 8
LONG_LINK = "https://example.com/" + "a" * 300
EMOJI = "👩‍👩‍👧‍👦🎉🏳️‍🌈"
ATTACKS = [
    "<img src=x onerror=\"window.stolen = 'img'\">",
    "<script>window.stolen = 'script'</script>",
    '"><svg onload="window.stolen = \'svg\'">',
    "{{constructor.constructor('window.stolen = 1')()}}",
    "javascript:window.stolen='link'",
    "https://example.com/\"onmouseover=\"window.stolen='attribute'",
]


def test_long_names_long_words_and_other_scripts_do_not_break_the_layout(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben = people.new("Ana"), people.new(LONG_NAME, handle_from="long")
    said = [LONG_WORD, ARABIC, EMOJI, LONG_LINK, "👍"]
    conversation_id = ben.writes(ana, *said)
    group_id = ben.makes_group("W" * 100, ana)
    ben.writes_in(group_id, LONG_WORD)
    anas = window_of(ana, size)
    expect(anas.chats.get_by_role("listitem")).to_have_count(2)
    for path in (
        "/messages",
        f"/messages/{conversation_id}",
        f"/messages/{conversation_id}/info",
        f"/messages/{group_id}",
        f"/messages/{group_id}/info",
        f"/people/{ben.user_id}",
        f"/people/search?q={ben.handle}",
        "/messages/new",
    ):
        anas.goes_to(path)
        expect(anas.page.locator("h1, h2").filter(visible=True).first).to_be_visible()
        anas.fits()
    anas.opens_conversation(conversation_id)
    for text in said:
        anas.sees(text)
        box = anas.bubble(text).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= anas.page.viewport_size["width"]  # type: ignore[index]  # it is set
    direction = "(node) => getComputedStyle(node).direction"
    assert anas.bubble(ARABIC).locator(".text").evaluate(direction) == "rtl"
    anas.composer.fill(LONG_WORD)
    anas.fits()
    expect(anas.button("Send")).to_be_in_viewport()


def test_markup_is_shown_as_text_wherever_people_write(
    window_of: Open, people: People, size: Size
) -> None:
    ana, eve = people.new("Ana"), people.new(ATTACKS[0], handle_from="eve")
    conversation_id = eve.writes(ana, *ATTACKS)
    eve.ask(
        "PATCH", "/users/me", {"bio": ATTACKS[1], "location": ATTACKS[2], "website": ATTACKS[5]}
    )
    group_id = eve.makes_group(ATTACKS[2], ana)
    anas = window_of(ana, size, f"/messages/{conversation_id}")
    for attack in ATTACKS:
        expect(anas.thread.locator(".bubble .text").filter(has_text=attack)).to_be_visible()
    expect(anas.page.get_by_role("heading", level=1, name=ATTACKS[0])).to_be_visible()
    hrefs = anas.thread.locator(".bubble a").evaluate_all("(all) => all.map((each) => each.href)")
    assert all(href.startswith("https://") for href in hrefs)
    anas.goes_to(f"/messages/{group_id}")
    expect(anas.page.get_by_role("heading", level=1, name=ATTACKS[2])).to_be_visible()
    anas.goes_to(f"/people/{eve.user_id}")
    expect(anas.text(ATTACKS[1])).to_be_visible()
    expect(anas.text(ATTACKS[2])).to_be_visible()
    anas.goes_to("/people/search?q=%3Cimg%20src%3Dx%20onerror%3Dwindow.stolen%3D1%3E")
    expect(anas.text("Nobody found").or_(anas.text(f"@{eve.handle}"))).to_be_visible()
    assert anas.page.evaluate("window.stolen") is None
