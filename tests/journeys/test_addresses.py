"""Every place has an address that Back, reload and links respect; what stands at each width."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.people import PASSWORD, People
from tests.browser.window import Size
from tests.journeys.conftest import Open

pytestmark = pytest.mark.browser


def test_back_and_reload_keep_the_place(window_of: Open, people: People, size: Size) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    group_id = ana.makes_group("Weekend", ben)
    anas = window_of(ana, size)
    anas.opens_chat("Weekend")
    anas.button("About this chat").click()
    expect(anas.button("Leave group")).to_be_visible()
    anas.page.reload()
    expect(anas.button("Leave group")).to_be_visible()
    anas.page.go_back()
    expect(anas.page).to_have_url(re.compile(f"/messages/{group_id}$"))
    expect(anas.composer).to_be_visible()
    expect(anas.button("Leave group")).to_have_count(0)
    anas.page.go_back()
    expect(anas.page).to_have_url(re.compile("/messages$"))
    expect(anas.chat("Weekend")).to_be_visible()
    anas.page.go_forward()
    expect(anas.composer).to_be_visible()


def test_a_link_opened_while_signed_out_is_reached_after_login(visit: Open, people: People) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Hello Ana")
    window = visit("phone")
    window.goes_to(f"/messages/{conversation_id}")
    window.field("E-mail or handle").fill(ana.handle)
    window.field("Password").fill(PASSWORD)
    window.button("Log in").click()
    window.sees("Hello Ana")
    expect(window.page).to_have_url(re.compile(conversation_id))


def test_wrong_addresses_say_so(window_of: Open, people: People, size: Size) -> None:
    ana, ben, chloe = people.new("Ana"), people.new("Ben"), people.new("Chloe")
    theirs = ben.writes(chloe, "Not for Ana")
    anas = window_of(ana, size, "/nowhere/at/all")
    expect(anas.text("There is nothing at this address")).to_be_visible()
    anas.link("Go to your messages").click()
    expect(anas.text("No chats yet")).to_be_visible()
    anas.goes_to(f"/messages/{theirs}")
    expect(anas.text("This chat is not here")).to_be_visible()
    expect(anas.text("Not for Ana")).to_have_count(0)
    anas.goes_to(f"/people/{theirs}")
    expect(anas.text("This person is not here")).to_be_visible()


def test_on_a_phone_there_is_one_column_and_a_bar_at_the_bottom(
    window_of: Open, people: People
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    ben.writes(ana, "Hello Ana")
    anas = window_of(ana, "phone")
    bar = anas.page.get_by_role("navigation", name="Places")
    box = bar.bounding_box()
    assert box is not None
    assert (box["x"], box["width"], box["y"] + box["height"]) == (0, 390, 844)
    anas.opens_chat("Ben")
    expect(anas.chats).to_be_hidden()
    expect(bar).to_be_hidden()
    anas.button("About this chat").click()
    expect(anas.composer).to_be_hidden()
    anas.button("Close").click()
    anas.button("Back").click()
    expect(anas.chat("Ben")).to_be_visible()
    expect(bar).to_be_visible()


def test_on_a_desktop_list_and_thread_stand_side_by_side(window_of: Open, people: People) -> None:
    ana, ben, chloe = people.new("Ana"), people.new("Ben"), people.new("Chloe")
    ben.writes(ana, "Hello from Ben")
    chloe.writes(ana, "Hello from Chloe")
    anas = window_of(ana, "desktop")
    anas.opens_chat("Ben")
    expect(anas.chats).to_be_visible()
    expect(anas.composer).to_be_visible()
    anas.chat("Chloe").get_by_role("link").click()
    anas.sees("Hello from Chloe")
    rail = anas.page.get_by_role("navigation", name="Places").bounding_box()
    assert rail is not None
    assert (rail["x"], rail["width"], rail["height"]) == (0, 72, 800)
