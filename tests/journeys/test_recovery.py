"""Killed, asleep, cut off without a word: a conversation goes on without a reload or a loss."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, expect

from tests.browser.away import LOST_LINK, SETTLED_MS_MAX, settles
from tests.browser.bubbles import (
    SENT,
    all_bubbles,
    all_texts,
    doubled,
    is_the_same_page,
    watch,
)
from tests.browser.frozen import drawn_since, frozen, note_first_drawn, now_ms
from tests.browser.people import People
from tests.browser.product import Product, running_product
from tests.browser.rows import stored_texts
from tests.browser.window import Size, Window, open_window, sign_in
from tests.browser.wire import Wire
from tests.journeys.conftest import Open, own_browser

pytestmark = pytest.mark.browser

SERVER_AWAY = "Failed to load resource: the server responded with a status of 503"
MESSAGES_EACH = 20
REALTIME_DIES_AT = 6
DATABASE_DIES_AT = 13
PAUSE_MS = 500
"""Between two messages of one person: with two of them, four a second at most."""


# Killed in the middle of a conversation.


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product of its own: what dies in it writes errors into its log."""
    with running_product(tmp_path_factory.mktemp("doomed"), calm=False) as product:
        yield product


def chats(anas: Window, bens: Window, number: int) -> None:
    anas.writes(f"Ana {number}")
    bens.page.wait_for_timeout(PAUSE_MS / 2)
    bens.writes(f"Ben {number}")
    bens.page.wait_for_timeout(PAUSE_MS / 2)


@pytest.mark.fault
def test_two_people_chat_on_while_realtime_and_then_the_database_are_killed(
    browser: Browser, doomed: Product
) -> None:
    people = People(doomed.url)
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Are you there?")
    anas = open_window(browser, doomed.url, "desktop")
    bens = open_window(browser, doomed.url, "phone")
    for window, person in ((anas, ana), (bens, ben)):
        window.complaints.expect(LOST_LINK)
        window.complaints.expect(SERVER_AWAY)
        sign_in(window, person, f"/messages/{conversation_id}")
        window.sees("Are you there?")
        watch(window)
    for number in range(1, MESSAGES_EACH + 1):
        if number == REALTIME_DIES_AT:
            doomed.kill("realtime.main")
        if number == DATABASE_DIES_AT:
            doomed.kill_database()
        chats(anas, bens, number)
    for window in (anas, bens):
        settles(window)
    expect(anas.bubble(f"Ben {MESSAGES_EACH}")).to_be_visible(timeout=SETTLED_MS_MAX)
    expect(bens.bubble(f"Ana {MESSAGES_EACH}")).to_be_visible(timeout=SETTLED_MS_MAX)
    stored = stored_texts(doomed.database_url, conversation_id)
    assert len(stored) == len(set(stored)) == 1 + 2 * MESSAGES_EACH
    for name in ("Ana", "Ben"):
        mine = [text for text in stored if text.startswith(name)]
        assert mine == [f"{name} {number}" for number in range(1, MESSAGES_EACH + 1)]
    for window in (anas, bens):
        bubbles = all_bubbles(window)
        assert [bubble["text"] for bubble in bubbles] == stored
        assert all(bubble["state"] in SENT for bubble in bubbles if bubble["state"] is not None)
        assert doubled(window) == []
        assert is_the_same_page(window)
        assert window.complaints.unexpected() == []
        window.context.close()
    people.close()


@pytest.mark.fault
def test_a_bubble_planted_for_a_moment_and_one_torn_out_are_noticed(
    window_of: Open, people: People, product: Product
) -> None:
    """The control of the one above."""
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "One", "Two", "Three")
    anas = window_of(ana, "desktop", f"/messages/{conversation_id}")
    anas.sees("Three")
    watch(anas)
    stored = stored_texts(product.database_url, conversation_id)
    assert all_texts(anas) == stored == ["One", "Two", "Three"]
    assert doubled(anas) == []
    two = anas.bubble("Two").locator("xpath=ancestor::*[@data-row]")
    two.evaluate(
        "(row) => { const twin = row.cloneNode(true);"
        " row.after(twin); setTimeout(() => twin.remove()); }"
    )
    expect(anas.bubble("Two")).to_have_count(1)
    assert doubled(anas) == ["Two"]
    two.evaluate("(row) => row.after(row.parentElement.querySelector('[data-row]:has(.bubble)'))")
    assert all_texts(anas) != stored
    two.evaluate("(row) => row.remove()")
    assert sorted(all_texts(anas)) != sorted(stored)
    anas.page.reload()
    anas.sees("Three")
    assert not is_the_same_page(anas)


# Asleep.


def through(page: Page, wire: Wire) -> None:
    """The page is told the wire's port for the server's own."""

    def config(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        body["data"]["wsPort"] = wire.port
        route.fulfill(response=answer, body=json.dumps(body))

    page.route("**/api/v1/config", config)


DREAMS = [f"Dream {number}" for number in range(1, 31)]


def test_a_page_that_was_frozen_has_everything_once_it_runs_again(
    playwright: Playwright, people: People, size: Size, product: Product
) -> None:
    """Its process is stopped, so that none of its timers and events run; the server dies too."""
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Good night")
    said = [*DREAMS, "Good morning"]
    with own_browser(playwright) as anas_browser:
        anas = open_window(anas_browser, product.url, size)
        anas.complaints.expect(LOST_LINK)
        sign_in(anas, ana, f"/messages/{conversation_id}")
        anas.sees("Good night")
        watch(anas)
        note_first_drawn(anas)
        with frozen(anas_browser):
            ben.writes(ana, *DREAMS)
            product.kill("realtime.main")
            ben.writes(ana, "Good morning")
            assert stored_texts(product.database_url, conversation_id) == ["Good night", *said]
            woken_ms = now_ms()
        expect(anas.bubble("Good morning")).to_be_visible(timeout=SETTLED_MS_MAX)
        assert all_texts(anas) == ["Good night", *said]
        assert drawn_since(anas, woken_ms) == set(said)
        assert doubled(anas) == []
        assert is_the_same_page(anas)
        assert anas.complaints.unexpected() == []


def test_what_a_page_drew_though_it_should_have_been_frozen_is_noticed(
    window_of: Open, people: People, product: Product
) -> None:
    """The control of the one above: this page runs on."""
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Good night")
    anas = window_of(ana, "desktop", f"/messages/{conversation_id}")
    anas.sees("Good night")
    note_first_drawn(anas)
    ben.writes(ana, "Dream 1")
    anas.sees("Dream 1")
    assert stored_texts(product.database_url, conversation_id) == ["Good night", "Dream 1"]
    woken_ms = now_ms()
    ben.writes(ana, "Good morning")
    anas.sees("Good morning")
    assert drawn_since(anas, woken_ms) == {"Good morning"}


def test_a_machine_that_slept_looks_at_its_link_when_its_clock_has_jumped(
    visit: Open, people: People, product: Product
) -> None:
    """No event tells of it: the lid was closed over a page that stayed visible."""
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Good night")
    anas = visit("desktop", bypass_csp=True)
    anas.page.clock.install()
    with Wire(product.ws_port) as wire:
        through(anas.page, wire)
        sign_in(anas, ana, f"/messages/{conversation_id}")
        anas.sees("Good night")
        watch(anas)
        wire.die()
        ben.writes(ana, "Good morning")
        # Too short for the silence to be noticed: nothing but the jump tells.
        anas.page.clock.fast_forward("00:15")
        anas.page.clock.run_for("00:05")
        anas.sees("Good morning")
        assert wire.connections == 2
        anas.writes("Slept well")
        anas.sees_state("Slept well", "sent")
        assert all_texts(anas) == stored_texts(product.database_url, conversation_id)
        assert is_the_same_page(anas)


# A link that says nothing.


def test_a_link_that_died_without_a_word_is_noticed_when_she_looks(
    visit: Open, people: People, product: Product
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Are you there?")
    anas = visit("desktop", bypass_csp=True)
    with Wire(product.ws_port) as wire:
        through(anas.page, wire)
        sign_in(anas, ana, f"/messages/{conversation_id}")
        anas.sees("Are you there?")
        watch(anas)
        wire.die()
        ben.writes(ana, "Hello?")
        anas.writes("Into the void")
        anas.sees_state("Into the void", "waiting")
        expect(anas.bubble("Hello?")).to_have_count(0)
        anas.page.evaluate("window.dispatchEvent(new Event('focus'))")
        anas.sees("Hello?")
        anas.sees_state("Into the void", "sent")
        assert wire.connections == 2
        assert all_texts(anas) == stored_texts(product.database_url, conversation_id)
        assert doubled(anas) == []
        assert is_the_same_page(anas)


def test_a_link_that_died_without_a_word_is_noticed_though_nobody_looks(
    visit: Open, people: People, product: Product
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Are you there?")
    anas = visit("desktop", bypass_csp=True)
    anas.page.clock.install()
    with Wire(product.ws_port) as wire:
        through(anas.page, wire)
        sign_in(anas, ana, f"/messages/{conversation_id}")
        anas.sees("Are you there?")
        wire.die()
        ben.writes(ana, "Hello?")
        anas.page.clock.run_for("00:35")
        anas.sees("Hello?")
        assert wire.connections == 2
