"""Bad networks, closed laptops, killed servers: nothing is lost, doubled, or needs a reload."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.link import Link
from tests.browser.people import People
from tests.browser.product import Product
from tests.browser.window import Size, Window
from tests.journeys.conftest import Open

pytestmark = pytest.mark.browser

LOST_LINK = "WebSocket connection to|ERR_INTERNET_DISCONNECTED"


def marks_the_page(window: Window) -> None:
    """What only this load of the page knows, so that a reload is noticed."""
    window.page.evaluate("window.loadedOnce = true")


def is_the_same_page(window: Window) -> None:
    assert window.page.evaluate("window.loadedOnce") is True


def test_what_is_written_offline_waits_and_is_sent_once_when_the_network_is_back(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    path = f"/messages/{ben.writes(ana, 'Are you there?')}"
    anas, bens = window_of(ana, size, path), window_of(ben, size, path)
    anas.complaints.expect(LOST_LINK)
    anas.sees("Are you there?")
    marks_the_page(anas)
    with anas.offline():
        expect(anas.page.get_by_test_id("offline")).to_contain_text("You are offline")
        anas.writes("From the tunnel")
        anas.sees_state("From the tunnel", "waiting")
        bens.writes("Can you hear me?")
        bens.sees("Can you hear me?")
        expect(anas.bubble("Can you hear me?")).to_have_count(0)
    expect(anas.page.get_by_test_id("offline")).to_have_count(0)
    bens.sees("From the tunnel")
    anas.sees("Can you hear me?")
    anas.sees_state("From the tunnel", "read")
    for window in (anas, bens):
        expect(window.bubble("From the tunnel")).to_have_count(1)
        expect(window.bubble("Can you hear me?")).to_have_count(1)
    is_the_same_page(anas)


def test_a_reload_in_the_middle_of_sending_loses_and_doubles_nothing(
    window_of: Open, people: People
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Are you there?")
    bens = window_of(ben, "phone", f"/messages/{conversation_id}")
    anas = window_of(ana, "phone")
    link = Link(anas.page)
    anas.opens_conversation(conversation_id)
    link.hold("send_message")
    anas.writes("Just before the reload")
    anas.sees_state("Just before the reload", "waiting")
    link.held.clear()
    anas.page.reload()
    anas.sees_state("Just before the reload", "waiting")
    link.release()
    anas.sees_state("Just before the reload", "read")
    expect(anas.bubble("Just before the reload")).to_have_count(1)
    expect(bens.bubble("Just before the reload")).to_have_count(1)


def test_a_message_whose_answer_was_lost_is_not_doubled(window_of: Open, people: People) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Are you there?")
    bens = window_of(ben, "desktop", f"/messages/{conversation_id}")
    anas = window_of(ana, "desktop")
    link = Link(anas.page)
    anas.opens_conversation(conversation_id)
    anas.sees("Are you there?")
    link.lose_answer_to("send_message")
    anas.writes("Said once")
    anas.sees_state("Said once", "read")
    anas.writes("And after")
    bens.sees("And after")
    for window in (anas, bens):
        expect(window.bubble("Said once")).to_have_count(1)


@pytest.mark.fault
def test_a_client_that_repeats_itself_under_another_id_is_caught(
    window_of: Open, people: People
) -> None:
    """The control of the one above."""
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Are you there?")
    bens = window_of(ben, "desktop", f"/messages/{conversation_id}")
    anas = window_of(ana, "desktop")
    link = Link(anas.page)
    link.send_each_anew()
    anas.opens_conversation(conversation_id)
    anas.sees("Are you there?")
    link.lose_answer_to("send_message")
    anas.writes("Said twice")
    expect(bens.bubble("Said twice")).to_have_count(2)


def test_a_message_that_failed_is_sent_again_or_discarded(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Are you there?")
    anas = window_of(ana, size)
    link = Link(anas.page)
    anas.opens_conversation(conversation_id)
    link.refuse("send_message", "forbidden")
    anas.writes("Try this")
    failed = anas.page.get_by_role("alert").filter(has_text="Not sent.")
    expect(failed).to_contain_text("You cannot write to this chat any more.")
    anas.sees_state("Try this", "failed")
    anas.page.reload()
    anas.sees_state("Try this", "failed")
    link.relent()
    anas.button("Try again").click()
    anas.sees_state("Try this", "sent")
    expect(failed).to_have_count(0)

    link.refuse("send_message", "forbidden")
    anas.writes("Better not")
    anas.sees_state("Better not", "failed")
    anas.button("Discard").click()
    expect(anas.bubble("Better not")).to_have_count(0)
    link.relent()
    anas.button("Undo").click()
    anas.sees_state("Better not", "sent")


def test_two_tabs_of_ana_show_the_same(window_of: Open, people: People) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Are you there?")
    first = window_of(ana, "desktop")
    expect(first.chat("Ben").get_by_text("1 unread message")).to_have_count(1)
    second = first.another_tab()
    second.opens_conversation(conversation_id)
    second.sees("Are you there?")
    expect(first.chat("Ben").get_by_text("unread")).to_have_count(0)
    second.writes("In the second")
    first.opens_chat("Ben")
    first.sees("In the second")
    first.writes("In the first")
    second.sees("In the first")
    for tab in (first, second):
        expect(tab.bubble("In the first")).to_have_count(1)
        expect(tab.bubble("In the second")).to_have_count(1)
    assert second.complaints.unexpected() == []


@pytest.mark.fault
def test_after_kill_9_of_realtime_both_go_on_without_a_reload(
    window_of: Open, people: People, product: Product
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    path = f"/messages/{ben.writes(ana, 'Are you there?')}"
    anas, bens = window_of(ana, "phone", path), window_of(ben, "desktop", path)
    for window in (anas, bens):
        window.complaints.expect(LOST_LINK)
        window.sees("Are you there?")
        marks_the_page(window)
    product.kill("realtime.main")
    anas.writes("Still there?")
    bens.writes("Something flickered")
    anas.sees("Something flickered")
    bens.sees("Still there?")
    anas.sees_state("Still there?", "read")
    expect(anas.subtitle).to_have_text("Online")
    for window in (anas, bens):
        expect(window.bubble("Still there?")).to_have_count(1)
        expect(window.bubble("Something flickered")).to_have_count(1)
        expect(window.page.get_by_test_id("offline")).to_have_count(0)
        is_the_same_page(window)
