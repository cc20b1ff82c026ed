"""Two people, two windows: finding each other, ticks, typing, presence, unread, drafts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.link import Link
from tests.browser.people import People
from tests.browser.window import Size
from tests.journeys.conftest import Open

pytestmark = pytest.mark.browser


def test_ana_finds_ben_and_writes_to_him_from_his_profile(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    anas, bens = window_of(ana, size), window_of(ben, size)
    anas.link("People").click()
    anas.link("Search").click()
    anas.field("Find people by name or @handle").fill(ben.handle)
    anas.link(re.compile(ben.handle)).click()
    expect(anas.page.get_by_role("heading", level=2, name="Ben")).to_be_visible()
    anas.button("Send message").click()
    anas.writes("Found you")
    bens.opens_chat("Ana")
    bens.sees("Found you")
    bens.writes("And I you")
    anas.sees("And I you")


def test_a_message_goes_from_clock_to_read(window_of: Open, people: People, size: Size) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Are you there?")
    anas = window_of(ana, size)
    link = Link(anas.page)
    anas.opens_conversation(conversation_id)
    link.hold("send_message")
    anas.writes("Here I am")
    anas.sees_state("Here I am", "waiting")
    link.release()
    anas.sees_state("Here I am", "sent")
    bens = window_of(ben, size)
    anas.sees_state("Here I am", "delivered")
    expect(anas.bubble("Here I am").get_by_title("Delivered")).to_be_visible()
    bens.opens_chat("Ana")
    anas.sees_state("Here I am", "read")


def test_typing_is_seen_in_the_thread_and_in_the_list_and_ends(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Are you there?")
    path = f"/messages/{conversation_id}"
    anas, bens, on_list = (
        window_of(ana, size, path),
        window_of(ben, size, path),
        window_of(ana, size),
    )
    expect(anas.composer).to_be_visible()
    bens.composer.press_sequentially("Let me th")
    expect(anas.subtitle).to_have_text("Ben is typing…")
    expect(on_list.chat("Ben").get_by_text("Ben is typing…")).to_be_visible()
    bens.writes("Let me think")
    anas.sees("Let me think")
    expect(anas.subtitle).to_have_text("Online")
    expect(on_list.text("Ben is typing…")).to_have_count(0)


def test_typing_expires_when_the_typist_is_cut_off(window_of: Open, people: People) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    path = f"/messages/{ben.writes(ana, 'Are you there?')}"
    anas, bens = window_of(ana, "desktop", path), window_of(ben, "desktop", path)
    bens.composer.press_sequentially("Let me th")
    expect(anas.subtitle).to_have_text("Ben is typing…")
    bens.context.close()
    expect(anas.subtitle).not_to_have_text("Ben is typing…")


def test_the_dot_says_whether_ben_is_here(window_of: Open, people: People, size: Size) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Are you there?")
    anas = window_of(ana, size)
    expect(anas.chat("Ben").get_by_text("Online")).to_have_count(0)
    bens = window_of(ben, size)
    expect(anas.chat("Ben").get_by_text("Online")).to_have_count(1)
    anas.opens_conversation(conversation_id)
    expect(anas.subtitle).to_have_text("Online")
    bens.context.close()
    expect(anas.subtitle).to_have_text("Last active just now")


def test_unread_messages_are_counted_opened_at_their_first_and_then_cleared(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben, chloe = people.new("Ana"), people.new("Ben"), people.new("Chloe")
    chloe.reads(chloe.writes(ana, "Hi"))
    ben.writes(ana, *(f"Old news {number}" for number in range(1, 41)))
    conversation_id = ben.writes(ana, "The last of old")
    ana.reads(conversation_id)
    anas = window_of(ana, size)
    expect(anas.page).to_have_title("(1) Loopync")
    ben.writes(ana, *(f"News {number}" for number in range(1, 31)))
    expect(anas.chat("Ben").get_by_text("30 unread messages")).to_have_count(1)
    expect(anas.page).to_have_title("(2) Loopync")

    anas.opens_chat("Ben")
    expect(anas.page.get_by_test_id("unread-line")).to_be_in_viewport()
    expect(anas.bubble("News 1")).to_be_in_viewport()
    expect(anas.bubble("News 30")).not_to_be_in_viewport()
    anas.page.get_by_test_id("to-latest").click()
    expect(anas.bubble("News 30")).to_be_in_viewport()
    expect(anas.page).to_have_title("(1) Loopync")
    anas.to_list()
    expect(anas.chat("Ben").get_by_text("unread")).to_have_count(0)
    elsewhere = window_of(ana, "phone")
    expect(elsewhere.chat("Ben").get_by_text("unread")).to_have_count(0)


def test_a_draft_survives_switching_and_reloading(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben, chloe = people.new("Ana"), people.new("Ben"), people.new("Chloe")
    ben.writes(ana, "Hello from Ben")
    chloe.writes(ana, "Hello from Chloe")
    anas = window_of(ana, size)
    anas.opens_chat("Ben")
    anas.composer.fill("To Ben, half wri")
    anas.opens_chat("Chloe")
    expect(anas.composer).to_have_value("")
    anas.to_list()
    expect(anas.chat("Ben")).to_contain_text("Draft: To Ben, half wri")
    anas.page.reload()
    anas.opens_chat("Ben")
    expect(anas.composer).to_have_value("To Ben, half wri")
    anas.button("Send").click()
    anas.sees("To Ben, half wri")
    anas.page.reload()
    anas.sees("To Ben, half wri")
    expect(anas.composer).to_have_value("")
