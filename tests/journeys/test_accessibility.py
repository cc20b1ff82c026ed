"""Every screen, at both widths, dark and light: axe finds nothing, targets are large enough."""

from __future__ import annotations

from dataclasses import dataclass
from pprint import pformat

import pytest
from playwright.sync_api import expect

from tests.browser import axe
from tests.browser.link import Link
from tests.browser.people import People, Person
from tests.browser.window import Size, Theme, Window
from tests.journeys.conftest import Open

pytestmark = pytest.mark.browser

TARGET_PIXELS_MIN = 44
SMALL_TARGETS = """
(least) => [...document.querySelectorAll(
    'a[href], button, input, select, textarea, [role=menuitem], [role=option], [tabindex="0"]')]
  .filter((node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: false }))
  .filter((node) => !node.closest('.visually-hidden, .skip, [aria-hidden=true]'))
  // A link in running text is as high as its line.
  .filter((node) => getComputedStyle(node).display !== 'inline')
  // A radio button is pressed by its label, a field by its box.
  .map((node) => [node, node.matches('input') && node.closest('label, .box, .search') || node])
  .map(([node, pressed]) => [node, pressed.getBoundingClientRect()])
  .filter(([, { width, height }]) => width > 0 && Math.min(width, height) < least - 0.5)
  .map(([node, { width, height }]) =>
    `${node.getAttribute('aria-label') ?? node.innerText ?? node.type}: ${width} by ${height}`)
"""
MOVING = """
() => document.getAnimations().filter((each) => each.playState === 'running'
    && each.effect.getComputedTiming().activeDuration > 10).length
"""


@dataclass(frozen=True, slots=True)
class Lively:
    """Ana's world, with something on every screen."""

    ana: Person
    screens: dict[str, str]
    """Address → a text that says it is there."""


@pytest.fixture(scope="module")
def lively(people: People) -> Lively:
    ana, ben, chloe, dev, emi = (
        people.new(name) for name in ("Ana", "Ben", "Chloe", "Dev", "Emi Tanaka")
    )
    ana.befriends(ben)
    chloe.asks_to_be_friends(ana)
    ana.asks_to_be_friends(dev)
    ana.ask("PUT", f"/blocks/{emi.user_id}")
    dev.writes(ana, "Hello Ana", "Are you there?")
    direct = ben.writes(ana, "See https://example.com/a", "👋", "How was it?")
    ana.writes(ben, "Fine!")
    ben.reads(direct)
    group = ana.makes_group("Weekend", ben, chloe)
    ben.writes_in(group, "When do we leave?", "And where to?")
    chloe.writes_in(group, "At nine")
    ana.ask("PATCH", "/users/me", {"bio": "Trains and pastries", "website": "https://ana.example"})
    screens = {
        "/messages": "Weekend",
        f"/messages/{direct}": "How was it?",
        f"/messages/{direct}/info": "Friends",
        f"/messages/{group}": "At nine",
        f"/messages/{group}/info": "Leave group",
        "/messages/new": "New chat",
        "/messages/new-group": "Who is in it?",
        "/people": "Ben",
        "/people/requests": "They asked you",
        f"/people/search?q={ben.handle}": f"@{ben.handle}",
        f"/people/{ben.user_id}": f"@{ben.handle}",
        f"/people/{ana.user_id}": "Trains and pastries",
        "/settings": "Sign out",
        "/settings/profile": "About you",
        "/settings/privacy": "Who may write to you",
        "/settings/appearance": "Like my system",
        "/settings/password": "Current password",
        "/settings/sessions": "This device",
        "/settings/blocked": "Emi Tanaka",
        "/nowhere": "There is nothing at this address",
    }
    return Lively(ana, screens)


class Findings:
    """Everything wrong with the screens looked at, so that one run tells all of it."""

    def __init__(self) -> None:
        self.found: dict[str, list[object]] = {}

    def look(self, window: Window, screen: str) -> None:
        # The words of a screen may stand elsewhere too, while its own part is still on its way.
        expect(window.page.locator("h1").first).to_be_attached()
        small = window.page.evaluate(SMALL_TARGETS, TARGET_PIXELS_MIN)
        if wrong := [*axe.violations(window.page), *small]:
            self.found[screen] = wrong
        window.fits()


FIRST_USE = {
    "/messages": "No chats yet",
    "/messages/new": "Search for a person by name or @handle.",
    "/people": "No friends yet",
    "/people/requests": "No requests",
    "/people/search?q=nobodyhere": "Nobody found",
    "/settings/blocked": "Nobody is blocked",
}


@pytest.fixture(params=["dark", "light"])
def theme(request: pytest.FixtureRequest) -> Theme:
    theme: Theme = request.param
    return theme


def test_every_screen_is_accessible(
    window_of: Open, lively: Lively, size: Size, theme: Theme
) -> None:
    findings = Findings()
    window = window_of(lively.ana, size, theme=theme, bypass_csp=True, still=True)
    for path, words in lively.screens.items():
        window.goes_within(path)
        expect(window.text(words).filter(visible=True).first).to_be_visible()
        findings.look(window, path)
    assert not findings.found, pformat(findings.found, width=200)


def test_what_somebody_new_sees_is_accessible(
    window_of: Open, people: People, size: Size, theme: Theme
) -> None:
    findings = Findings()
    window = window_of(people.new("Nora"), size, theme=theme, bypass_csp=True, still=True)
    for path, words in FIRST_USE.items():
        window.goes_within(path)
        expect(window.text(words)).to_be_visible()
        findings.look(window, path)
    assert not findings.found, pformat(findings.found, width=200)


def test_what_lies_over_the_screens_is_accessible(
    window_of: Open, lively: Lively, size: Size, theme: Theme
) -> None:
    group = next(path for path, words in lively.screens.items() if words == "Leave group")
    findings = Findings()
    window = window_of(lively.ana, size, group, theme=theme, bypass_csp=True, still=True)
    page, link = window.page, Link(window.page)
    page.reload()
    window.button("Actions for Ben").click()
    expect(window.menu_item("Make admin")).to_be_visible()
    findings.look(window, "menu")
    page.keyboard.press("Escape")
    for name in ("Rename group", "Add people", "Leave group"):
        window.button(name).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        findings.look(window, name)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    window.goes_within(group.removesuffix("/info"))
    link.refuse("send_message", "forbidden")
    window.writes("At ten, rather")
    window.sees_state("At ten, rather", "failed")
    findings.look(window, "failed message")
    window.button("Discard").click()
    window.button("Message actions").last.click()
    findings.look(window, "message menu")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option").first).to_be_visible()
    findings.look(window, "palette")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    findings.look(window, "shortcuts")
    page.keyboard.press("Escape")
    with window.offline():
        expect(page.get_by_test_id("offline")).to_be_visible()
        findings.look(window, "offline")
    assert not findings.found, pformat(findings.found, width=200)


def test_the_screens_of_visitors_are_accessible_with_their_errors(
    visit: Open, size: Size, theme: Theme
) -> None:
    findings = Findings()
    window = visit(size, theme=theme, bypass_csp=True, still=True)
    for path, action in (("/login", "Log in"), ("/signup", "Create account")):
        window.goes_to(path)
        expect(window.button(action)).to_be_visible()
        findings.look(window, path)
        window.button(action).click()
        expect(window.field("Password")).to_have_attribute("aria-invalid", "true")
        findings.look(window, f"{path} with errors")
    assert not findings.found, pformat(findings.found, width=200)


def test_axe_and_the_ruler_see_what_is_wrong(visit: Open) -> None:
    """The control: the same checks on a page with a fault of each kind."""
    window = visit("phone", bypass_csp=True)
    window.goes_to("/login")
    expect(window.button("Log in")).to_be_visible()
    window.page.evaluate(
        """() => {
          document.querySelector('label').remove();
          const button = document.querySelector('button[type=submit]');
          button.style.minHeight = button.style.height = '20px';
          document.querySelector('h1').style.color = '#333';
        }"""
    )
    found = {violation["id"] for violation in axe.violations(window.page)}
    assert {"label", "color-contrast"} <= found
    assert len(window.page.evaluate(SMALL_TARGETS, TARGET_PIXELS_MIN)) == 1


def test_nothing_moves_for_who_asks_for_less_motion(window_of: Open, lively: Lively) -> None:
    window = window_of(lively.ana, "phone", still=True)
    window.page.evaluate(
        """() => {
          window.moved = 0;
          document.addEventListener('animationstart', () => {
            for (const each of document.getAnimations())
              if (each.effect.getComputedTiming().activeDuration > 10) window.moved += 1;
          }, true);
        }"""
    )
    window.opens_chat("Ben")
    with window.offline():
        expect(window.page.get_by_test_id("offline")).to_be_visible()
        assert window.page.evaluate(MOVING) == 0
    assert window.page.evaluate("window.moved") == 0


def test_things_do_move_for_everybody_else(window_of: Open, lively: Lively) -> None:
    """The control: the same count sees the banner drop in."""
    window = window_of(lively.ana, "phone")
    window.page.evaluate(
        """() => {
          const moved = () => document.documentElement.setAttribute('data-moved', 'yes');
          document.addEventListener('animationstart', moved, true);
        }"""
    )
    with window.offline():
        expect(window.page.locator("html")).to_have_attribute("data-moved", "yes")
