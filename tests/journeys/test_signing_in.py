"""From a link to a conversation: sign-up, login, and what is said when they do not work."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.people import PASSWORD, People
from tests.browser.window import Size, Window
from tests.journeys.conftest import Open

pytestmark = pytest.mark.browser

MINUTE_SECONDS = 60


def signs_up(window: Window, **fields: str) -> None:
    for label, value in fields.items():
        window.field({"name": "Your name", "email": "E-mail"}.get(label, label.title())).fill(value)
    window.button("Create account").click()


def logs_in(window: Window, login: str, password: str) -> None:
    window.field("E-mail or handle").fill(login)
    window.field("Password").fill(password)
    window.button("Log in").click()


def is_wrong(field: Locator, words: str) -> None:
    """The words stand with the field, for eyes and for screen readers."""
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile(re.escape(words)))


def test_ana_signs_up_and_chats_with_ben_within_a_minute(
    visit: Open, window_of: Open, people: People, size: Size
) -> None:
    ben = people.new("Ben")
    bens = window_of(ben, size)
    began = time.monotonic()

    anas = visit(size)
    anas.goes_to("/")
    anas.link("Make an account").click()
    handle = people.new_handle("Ana")
    signs_up(anas, name="Ana", handle=handle, email=f"{handle}@example.com", password=PASSWORD)
    expect(anas.text("No chats yet")).to_be_visible()
    anas.chats.get_by_role("button", name="New chat").click()
    anas.field("Name or handle").fill(f"@{ben.handle}")
    anas.button(re.compile(ben.handle)).click()
    anas.writes("Hello Ben!")

    bens.opens_chat("Ana")
    bens.sees("Hello Ben!")
    assert time.monotonic() - began < MINUTE_SECONDS


def test_the_handle_is_proposed_from_the_name(visit: Open) -> None:
    anas = visit("phone")
    anas.goes_to("/signup")
    anas.field("Your name").fill("Ana María Sousa")
    expect(anas.field("Handle")).to_have_value("ana.maria.sousa")


def test_a_taken_handle_is_said_beside_the_handle(visit: Open, people: People) -> None:
    ben = people.new("Ben")
    eves = visit("phone")
    eves.complaints.expect("status of 409")
    eves.goes_to("/signup")
    signs_up(eves, name="Eve", handle=ben.handle, email="eve@example.com", password=PASSWORD)
    is_wrong(eves.field("Handle"), "Someone has this handle already")
    expect(eves.field("Handle")).to_be_focused()
    expect(eves.field("E-mail")).to_have_value("eve@example.com")


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "At least 10 characters."),
        ("ana.sousa.1999", "Not your name, handle or e-mail"),
        ("password1234", "common"),
    ],
)
def test_a_weak_password_is_said_beside_the_password(
    visit: Open, password: str, words: str
) -> None:
    anas = visit("desktop")
    anas.complaints.expect("status of 422")
    anas.goes_to("/signup")
    signs_up(anas, name="Ana", handle="ana.sousa", email="sousa@example.com", password=password)
    is_wrong(anas.field("Password"), words)


@pytest.mark.parametrize("way", ["e-mail", "handle", "@handle"])
def test_ana_logs_in_by_email_or_handle(visit: Open, people: People, way: str) -> None:
    ana = people.new("Ana")
    window = visit("phone")
    window.goes_to("/login")
    logs_in(
        window, {"e-mail": ana.email, "handle": ana.handle}.get(way, f"@{ana.handle}"), PASSWORD
    )
    expect(window.chats).to_be_visible()


def test_a_wrong_password_is_said_in_words_and_the_right_one_then_works(
    visit: Open, people: People
) -> None:
    ana = people.new("Ana")
    window = visit("desktop")
    window.complaints.expect("status of 401")
    window.goes_to("/login")
    logs_in(window, ana.handle, "not-it-at-all")
    is_wrong(window.field("Password"), "That login and password do not match.")
    expect(window.field("E-mail or handle")).to_have_value(ana.handle)
    logs_in(window, ana.handle, PASSWORD)
    expect(window.chats).to_be_visible()


def test_the_demo_is_two_presses_away(visit: Open) -> None:
    window = visit("desktop")
    window.goes_to("/")
    window.button("Ana").click()
    window.button("Log in").click()
    expect(window.chat("Weekend in Sintra")).to_be_visible()


def test_ana_signs_out_and_leaves_nothing_behind(window_of: Open, people: People) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Hello Ana")
    window = window_of(ana, "phone", f"/messages/{conversation_id}")
    window.composer.fill("A secret draft")
    window.goes_to("/settings")
    window.button("Sign out").click()
    expect(window.page).to_have_url(re.compile("/login$"))
    kept = window.page.evaluate("JSON.stringify(localStorage)")
    assert "secret draft" not in kept
    window.goes_to(f"/messages/{conversation_id}")
    expect(window.page).to_have_url(re.compile("/login$"))
    expect(window.text("Hello Ana")).to_have_count(0)
