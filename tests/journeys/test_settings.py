"""Profile, privacy, looks, devices, password."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.people import PASSWORD, People
from tests.browser.window import Size, Window
from tests.journeys.conftest import Open

pytestmark = pytest.mark.browser

REVOKED_SECONDS_MAX = 2.0
PALE = re.compile(r"rgb\((2\d\d), (2\d\d), (2\d\d)\)")
NEW_PASSWORD = "harbour-violet-kite-83"


def chooses(window: Window, question: str, answer: str) -> None:
    asked = window.page.get_by_role("group", name=question)
    asked.get_by_label(answer).check()
    expect(asked.get_by_label(answer)).to_be_checked()


def is_dark(window: Window) -> None:
    expect(window.page.locator("html")).to_have_css("background-color", "rgb(10, 10, 10)")


def is_light(window: Window) -> None:
    expect(window.page.locator("html")).to_have_css("background-color", PALE)


def test_ana_edits_her_profile_and_ben_sees_it(window_of: Open, people: People, size: Size) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    anas = window_of(ana, size, "/settings/profile")
    handle = people.new_handle("sousa")
    anas.field("Name").fill("Ana Sousa")
    anas.field("Handle").fill(handle)
    anas.field("About you").fill("Trains, pastries, the sea.")
    anas.field("Where you are").fill("Lisbon")
    anas.field("Website").fill("not an address")
    anas.button("Save").click()
    expect(anas.field("Website")).to_have_accessible_description(
        re.compile("begins with http:// or https://.")
    )
    anas.field("Website").fill("https://ana.example")
    anas.button("Save").click()
    expect(anas.text("Your profile is saved")).to_be_visible()
    bens = window_of(ben, size, f"/people/{ana.user_id}")
    expect(bens.page.get_by_role("heading", level=2, name="Ana Sousa")).to_be_visible()
    for words in (f"@{handle}", "Trains, pastries, the sea.", "Lisbon"):
        expect(bens.text(words)).to_be_visible()
    expect(bens.link("https://ana.example")).to_have_attribute("rel", re.compile("noopener"))


def test_a_handle_that_is_taken_is_said_beside_it(window_of: Open, people: People) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    anas = window_of(ana, "phone", "/settings/profile")
    anas.field("Handle").fill(ben.handle)
    anas.button("Save").click()
    expect(anas.field("Handle")).to_have_accessible_description(re.compile("has this handle"))


def test_only_friends_may_write_when_ana_says_so(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    anas = window_of(ana, size, "/settings/privacy")
    chooses(anas, "Who may write to you", "Friends only")
    expect(anas.text("Saved")).to_be_visible()
    bens = window_of(ben, size, f"/people/{ana.user_id}")
    expect(bens.text("Ana takes messages from friends only.")).to_be_visible()
    expect(bens.button("Send message")).to_have_count(0)
    ana.befriends(ben)
    bens.button("Send message").click()
    bens.writes("Friends now")
    bens.sees_state("Friends now", "delivered")


def test_nobody_sees_ana_online_when_she_says_so(window_of: Open, people: People) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    ben.writes(ana, "Are you there?")
    bens = window_of(ben, "desktop")
    anas = window_of(ana, "phone", "/settings/privacy")
    expect(bens.chat("Ana").get_by_text("Online")).to_have_count(1)
    chooses(anas, "Who sees when you are online", "Nobody")
    expect(bens.chat("Ana").get_by_text("Online")).to_have_count(0)


def test_the_theme_is_applied_at_once_kept_and_follows_ana_to_another_device(
    window_of: Open, people: People, size: Size
) -> None:
    ana = people.new("Ana")
    anas = window_of(ana, size, "/settings/appearance", theme="dark")
    is_dark(anas)
    chooses(anas, "Theme", "Light")
    is_light(anas)
    anas.page.reload()
    is_light(anas)
    expect(anas.page.get_by_label("Light")).to_be_checked()
    other = window_of(ana, "desktop", theme="dark")
    is_light(other)
    chooses(anas, "Theme", "Like my system")
    is_dark(anas)
    is_dark(other)
    anas.page.emulate_media(color_scheme="light")
    is_light(anas)


def test_a_device_that_is_signed_out_from_another_says_so_within_two_seconds(
    window_of: Open, people: People, size: Size
) -> None:
    ana = people.new("Ana")
    lost = window_of(ana, size)
    anas = window_of(ana, size, "/settings/sessions")
    expect(anas.text("This device")).to_be_visible()
    # Newest use first after one's own: the sign-up's session has no window.
    anas.button(re.compile("^Sign out (?!all)")).first.click()
    began = time.monotonic()
    expect(lost.text(re.compile("Your session has ended"))).to_be_visible()
    assert time.monotonic() - began < REVOKED_SECONDS_MAX
    expect(lost.page).to_have_url(re.compile("/login$"))
    anas.button("Sign out all others").click()
    expect(anas.text("You are signed in on this device only.")).to_be_visible()


def test_ana_changes_her_password_and_every_other_device_is_out(
    window_of: Open, visit: Open, people: People
) -> None:
    ana = people.new("Ana")
    other = window_of(ana, "phone")
    anas = window_of(ana, "desktop", "/settings/password")
    anas.field("Current password").fill("not-it-at-all")
    anas.field("New password").fill(NEW_PASSWORD)
    anas.field("New password again").fill("something else 1")
    anas.button("Change password").click()
    expect(anas.field("New password again")).to_have_accessible_description(
        re.compile("not the same")
    )
    anas.field("New password again").fill(NEW_PASSWORD)
    anas.button("Change password").click()
    expect(anas.field("Current password")).to_have_accessible_description(
        re.compile("not your current password")
    )
    anas.field("Current password").fill(PASSWORD)
    anas.button("Change password").click()
    expect(anas.text(re.compile("Your password is changed"))).to_be_visible()
    expect(other.text(re.compile("Your session has ended"))).to_be_visible()
    other.field("E-mail or handle").fill(ana.handle)
    other.field("Password").fill(NEW_PASSWORD)
    other.button("Log in").click()
    expect(other.chats).to_be_visible()
