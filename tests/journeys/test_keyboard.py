"""Everything by keyboard: Tab and arrows, what has the focus, and where it goes back to."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.people import PASSWORD, People
from tests.browser.window import Window
from tests.journeys.conftest import Open

pytestmark = pytest.mark.browser

FOCUS_IS_SEEN = """
async () => {
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.color = 'var(--accent)';
  const accent = getComputedStyle(probe).color;
  probe.remove();
  // On what has the focus itself, or on the box drawn around it.
  const focused = document.activeElement;
  return [focused, focused.parentElement, focused.parentElement?.parentElement].some((node) => {
    if (!node) return false;
    const { outlineStyle, outlineColor, borderTopColor, borderTopWidth } = getComputedStyle(node);
    const bordered = parseFloat(borderTopWidth) > 0 && borderTopColor === accent;
    return (outlineStyle !== 'none' && outlineColor === accent) || bordered;
  });
}
"""
FOCUSED = """
() => {
  const node = document.activeElement;
  return node.getAttribute('aria-label') || node.labels?.[0]?.innerText || node.innerText.trim();
}
"""


def tabs_through(window: Window, times: int) -> list[str]:
    """What Tab stops at, each with a focus that is seen, in a window where nothing fades in."""
    stops: list[str] = []
    for _ in range(times):
        window.page.keyboard.press("Tab")
        stops.append(window.page.evaluate(FOCUSED))
        assert window.page.evaluate(FOCUS_IS_SEEN), f"no visible focus on {stops[-1]!r}"
    return stops


def test_ana_logs_in_by_keyboard_alone(visit: Open, people: People) -> None:
    ana = people.new("Ana")
    window = visit("desktop", still=True)
    window.goes_to("/login")
    expect(window.field("Password")).to_be_visible()
    [first] = tabs_through(window, 1)
    assert first == "E-mail or handle"
    window.page.keyboard.type(ana.handle)
    [second] = tabs_through(window, 1)
    assert second == "Password"
    window.page.keyboard.type(PASSWORD)
    window.page.keyboard.press("Enter")
    expect(window.chats).to_be_visible()


def test_tab_goes_through_the_shell_in_reading_order_and_the_focus_is_seen(
    window_of: Open, people: People
) -> None:
    ana, ben, chloe = people.new("Ana"), people.new("Ben"), people.new("Chloe")
    ben.writes(ana, "Hello")
    chloe.writes(ana, "Hello")
    anas = window_of(ana, "desktop", still=True)
    expect(anas.chat("Ben")).to_be_visible()
    stops = tabs_through(anas, 11)
    assert stops[0] == "Skip to content"
    wanted = ["Loopync, to your messages", "Messages", "People", "Settings", "Search", "You, Ana"]
    assert [stop.split("\n")[-1] for stop in stops[1:7]] == wanted
    assert stops[7:10] == ["New group", "New chat", "Search your chats"]
    assert "Chloe" in stops[10]
    anas.page.keyboard.press("ArrowDown")
    assert "Ben" in anas.page.evaluate(FOCUSED)
    anas.page.keyboard.press("Enter")
    expect(anas.composer).to_be_focused()


def test_skip_to_content_passes_the_rail(window_of: Open, people: People) -> None:
    anas = window_of(people.new("Ana"), "desktop")
    anas.page.keyboard.press("Tab")
    anas.page.keyboard.press("Enter")
    expect(anas.page.get_by_role("main")).to_be_focused()


def test_enter_sends_and_shift_enter_begins_a_line(window_of: Open, people: People) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    anas = window_of(ana, "desktop", f"/messages/{ben.writes(ana, 'Hello')}")
    expect(anas.composer).to_be_focused()
    anas.page.keyboard.type("One")
    anas.page.keyboard.press("Shift+Enter")
    anas.page.keyboard.type("Two")
    expect(anas.composer).to_have_value("One\nTwo")
    anas.page.keyboard.press("Enter")
    expect(anas.thread.locator(".bubble .text").filter(has_text="Two")).to_have_text(
        "One\nTwo", use_inner_text=True
    )
    expect(anas.composer).to_have_value("")
    expect(anas.composer).to_be_focused()
    anas.page.keyboard.press("Enter")
    expect(anas.thread.locator(".bubble")).to_have_count(2)


def test_ctrl_k_goes_anywhere_and_escape_gives_the_focus_back(
    window_of: Open, people: People
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    anas = window_of(ana, "desktop", f"/messages/{ben.writes(ana, 'Hello')}")
    expect(anas.composer).to_be_focused()
    anas.page.keyboard.press("Control+k")
    palette = anas.page.get_by_role("combobox")
    expect(palette).to_be_focused()
    anas.page.keyboard.type("zzzz")
    expect(anas.text("Nothing found")).to_be_visible()
    anas.page.keyboard.press("Escape")
    expect(palette).to_have_count(0)
    expect(anas.composer).to_be_focused()

    anas.page.keyboard.press("Control+k")
    expect(palette).to_be_focused()
    anas.page.keyboard.type("appea")
    anas.page.keyboard.press("Enter")
    expect(anas.page).to_have_url(re.compile("/settings/appearance$"))
    anas.page.keyboard.press("Control+k")
    expect(palette).to_be_focused()
    anas.page.keyboard.type(ben.handle)
    option = anas.page.get_by_role("option", name=re.compile(ben.handle))
    expect(option.last).to_be_visible()
    anas.page.keyboard.press("ArrowUp")
    anas.page.keyboard.press("ArrowDown")
    anas.page.keyboard.press("Enter")
    expect(anas.page.get_by_role("heading", name="Ben").last).to_be_visible()


def test_a_question_mark_shows_the_shortcuts_but_not_while_typing(
    window_of: Open, people: People
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    anas = window_of(ana, "desktop", f"/messages/{ben.writes(ana, 'Hello')}")
    expect(anas.composer).to_be_focused()
    anas.page.keyboard.type("Really?")
    expect(anas.composer).to_have_value("Really?")
    about = anas.button("About this chat")
    about.focus()
    anas.page.keyboard.type("?")
    sheet = anas.page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_be_visible()
    anas.page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(about).to_be_focused()
    anas.page.keyboard.press("Alt+2")
    expect(anas.page.get_by_role("heading", level=1, name="People")).to_be_visible()


def test_a_menu_is_walked_with_arrows_and_gives_the_focus_back(
    window_of: Open, people: People
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    anas = window_of(ana, "desktop", f"/people/{ben.user_id}")
    more = anas.button("More about Ben")
    more.press("Enter")
    expect(anas.menu_item("Block")).to_be_focused()
    anas.page.keyboard.press("ArrowDown")
    anas.page.keyboard.press("Escape")
    expect(anas.menu_item("Block")).to_have_count(0)
    expect(more).to_be_focused()


def test_a_dialog_keeps_the_focus_and_gives_it_back(window_of: Open, people: People) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    anas = window_of(ana, "desktop", f"/messages/{ana.makes_group('Weekend', ben)}/info")
    leave = anas.button("Leave group")
    leave.press("Enter")
    dialog = anas.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for _ in range(6):
        anas.page.keyboard.press("Tab")
        assert anas.page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    anas.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(leave).to_be_focused()
