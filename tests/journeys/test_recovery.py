"""Whoever was away, however and for how long, is back without a reload and has missed nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Locator, Page, Playwright, Route, expect

from storage import clock
from storage.domains.identity.access_tokens import issue_access_token
from storage.ids import SessionId, UserId
from tests.browser.bubbles import (
    SENT,
    all_bubbles,
    all_texts,
    doubled,
    drawn_texts,
    is_the_same_page,
    watch,
)
from tests.browser.link import Link
from tests.browser.people import People, Person
from tests.browser.product import Product, running_product
from tests.browser.rows import stored_texts
from tests.browser.window import Size, Window, open_window, sign_in
from tests.browser.wire import Wire
from tests.journeys.conftest import LAUNCH_ARGUMENTS, Open
from tests.needs import program

pytestmark = pytest.mark.browser

LOST_LINK = "WebSocket connection to|ERR_INTERNET_DISCONNECTED|net::ERR_NETWORK"
SERVER_AWAY = "Failed to load resource: the server responded with a status of 503"
SETTLED_MS_MAX = 60_000
"""A machine three times slower, starting PostgreSQL again from its journal."""
MESSAGES_EACH = 20
REALTIME_DIES_AT = 6
DATABASE_DIES_AT = 13
PAUSE_MS = 500
"""Between two messages of one person: with two of them, four a second at most."""
MORE_THAN_IS_REPLAYED = 1_030
WRITERS = 8
DRAWN_AT_LEAST = 15


def offline_banner(window: Window) -> Locator:
    return window.page.get_by_test_id("offline")


def settles(window: Window) -> None:
    """The banner is gone and nothing waits to be sent."""
    expect(offline_banner(window)).to_have_count(0, timeout=SETTLED_MS_MAX)
    waiting = window.thread.locator(".bubble[data-state=waiting]")
    expect(waiting).to_have_count(0, timeout=SETTLED_MS_MAX)


def network_is_back(window: Window) -> None:
    """As the system tells it: the client does not wait for its next try."""
    window.page.evaluate("window.dispatchEvent(new Event('online'))")


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


def test_a_page_that_was_frozen_has_everything_once_it_is_looked_at(
    window_of: Open, people: People, size: Size, product: Product
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Good night")
    anas = window_of(ana, size, f"/messages/{conversation_id}")
    anas.complaints.expect(LOST_LINK)
    anas.sees("Good night")
    watch(anas)
    browser_tools = anas.context.new_cdp_session(anas.page)
    browser_tools.send("Page.setWebLifecycleState", {"state": "frozen"})
    ben.writes(ana, *(f"Dream {number}" for number in range(1, 31)))
    product.kill("realtime.main")
    ben.writes(ana, "Good morning")
    browser_tools.send("Page.setWebLifecycleState", {"state": "active"})
    anas.sees("Good morning")
    assert all_texts(anas) == stored_texts(product.database_url, conversation_id)
    assert doubled(anas) == []
    assert is_the_same_page(anas)


def test_a_machine_that_slept_looks_at_its_link_when_its_clock_has_jumped(
    visit: Open, people: People, product: Product
) -> None:
    """No event tells of it: the lid was closed over a page that stayed visible."""
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Good night")
    anas = visit("desktop")
    anas.page.clock.install()
    link = Link(anas.page)
    sign_in(anas, ana, f"/messages/{conversation_id}")
    anas.sees("Good night")
    watch(anas)
    link.hold("ping")
    anas.page.clock.fast_forward("09:00:00")
    ben.writes(ana, "Good morning")
    anas.page.clock.run_for("00:20")
    anas.sees("Good morning")
    link.release()
    anas.writes("Slept well")
    anas.sees_state("Slept well", "sent")
    assert all_texts(anas) == stored_texts(product.database_url, conversation_id)
    assert is_the_same_page(anas)


# A link that says nothing.


def through(page: Page, wire: Wire) -> None:
    """The page is told the wire's port for the server's own."""

    def config(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        body["data"]["wsPort"] = wire.port
        route.fulfill(response=answer, body=json.dumps(body))

    page.route("**/api/v1/config", config)


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


# Away for long.


def writes_much(people: People, author: Person, conversation_id: str, count: int) -> None:
    with ThreadPoolExecutor(max_workers=WRITERS) as threads:
        texts = [f"Message {number}" for number in range(count)]
        done = threads.map(lambda text: author.writes_in(conversation_id, text), texts)
        assert len(list(done)) == count


def test_after_a_day_offline_the_thread_ends_with_the_newest(
    window_of: Open, people: People, product: Product
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "See you tomorrow")
    anas = window_of(ana, "phone", f"/messages/{conversation_id}")
    anas.sees("See you tomorrow")
    watch(anas)
    with anas.offline():
        expect(offline_banner(anas)).to_be_visible()
        anas.writes("From the train")
        writes_much(people, ben, conversation_id, MORE_THAN_IS_REPLAYED)
        ben.writes(ana, "Here at last")
    anas.sees_state("From the train", "sent")
    anas.sees("From the train")
    stored = stored_texts(product.database_url, conversation_id)
    assert len(stored) == MORE_THAN_IS_REPLAYED + 3
    newest = drawn_texts(anas)
    assert len(newest) >= DRAWN_AT_LEAST
    assert newest == stored[-len(newest) :]
    anas.to_list()
    expect(anas.chat("Ben").get_by_text("unread")).to_have_count(0)
    assert doubled(anas) == []
    assert is_the_same_page(anas)


def test_who_reads_far_up_stays_there_while_too_much_was_missed(
    window_of: Open, people: People, product: Product
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, *(f"Old {number}" for number in range(1, 121)))
    ana.reads(conversation_id)
    anas = window_of(ana, "desktop", f"/messages/{conversation_id}")
    anas.sees("Old 120")
    watch(anas)
    box = anas.page.get_by_role("group", name="Messages with Ben")
    # Up, as far as the first page goes and further.
    expect(anas.bubble("Old 50")).to_have_count(0)
    for _ in range(4):
        box.evaluate("(box) => { box.scrollTop = 300; }")
        anas.page.wait_for_timeout(150)
    place = top_row(box)
    with anas.offline():
        expect(offline_banner(anas)).to_be_visible()
        writes_much(people, ben, conversation_id, MORE_THAN_IS_REPLAYED)
    expect(offline_banner(anas)).to_have_count(0)
    latest = anas.page.get_by_test_id("to-latest")
    expect(latest).to_have_attribute("title", re.compile(r"1,03\d|1030"))
    row, below = top_row(box)
    assert row == place[0]
    assert abs(below - place[1]) <= 2
    latest.click()
    stored = stored_texts(product.database_url, conversation_id)
    anas.sees(stored[-1])
    newest = drawn_texts(anas)
    assert len(newest) >= DRAWN_AT_LEAST
    assert newest == stored[-len(newest) :]
    assert is_the_same_page(anas)


def top_row(box: Locator) -> tuple[str, float]:
    """The first row that is whole, and how far under the top of the box it is, px."""
    row, below = box.evaluate(
        """(box) => {
          const top = box.getBoundingClientRect().top;
          const rows = [...box.querySelectorAll('[data-row]:has(.bubble)')];
          const row = rows.find((each) => each.getBoundingClientRect().top >= top);
          return [row.querySelector('.text').textContent, row.getBoundingClientRect().top - top];
        }"""
    )
    return row, below


# Two tabs, and none.


def test_what_a_tab_could_not_send_before_it_was_closed_another_one_sends(
    window_of: Open, people: People
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    path = f"/messages/{ben.writes(ana, 'Are you there?')}"
    bens = window_of(ben, "phone", path)
    first = window_of(ana, "desktop", path)
    second = first.another_tab()
    for tab in (first, second):
        tab.complaints.expect(LOST_LINK)
    second.goes_to(path)
    for tab in (first, second):
        tab.sees("Are you there?")
        watch(tab)
    with first.offline():
        expect(offline_banner(second)).to_be_visible()
        first.writes("One")
        first.writes("Two")
        first.sees_state("Two", "waiting")
        second.sees_state("Two", "waiting")
        assert doubled(second) == []
        first.page.close()
    second.sees_state("Two", "read")
    bens.sees("Two")
    for window in (second, bens):
        assert all_texts(window) == ["Are you there?", "One", "Two"]
    assert doubled(second) == []
    assert is_the_same_page(second)
    assert second.complaints.unexpected() == []


def test_two_tabs_that_were_offline_together_show_each_message_once(
    window_of: Open, people: People
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    path = f"/messages/{ben.writes(ana, 'Are you there?')}"
    bens = window_of(ben, "phone", path)
    first = window_of(ana, "desktop", path)
    second = first.another_tab()
    second.complaints.expect(LOST_LINK)
    second.goes_to(path)
    for tab in (first, second):
        tab.sees("Are you there?")
        watch(tab)
    with first.offline():
        expect(offline_banner(first)).to_be_visible()
        expect(offline_banner(second)).to_be_visible()
        first.writes("In the first")
        second.writes("In the second")
        second.sees_state("In the first", "waiting")
        first.sees_state("In the second", "waiting")
    for text in ("In the first", "In the second"):
        for tab in (first, second):
            tab.sees_state(text, "read")
    texts = all_texts(bens)
    assert sorted(texts) == ["Are you there?", "In the first", "In the second"]
    for tab in (first, second):
        assert all_texts(tab) == texts
        assert doubled(tab) == []
    assert second.complaints.unexpected() == []


def test_what_waits_survives_a_reload_in_its_order(window_of: Open, people: People) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    path = f"/messages/{ben.writes(ana, 'Are you there?')}"
    bens = window_of(ben, "phone", path)
    anas = window_of(ana, "desktop")
    link = Link(anas.page)
    anas.goes_to(path)
    anas.sees("Are you there?")
    link.cut()
    texts = [f"Waiting {number}" for number in range(1, 6)]
    for text in texts:
        anas.writes(text)
    anas.sees_state(texts[-1], "waiting")
    anas.page.reload()
    expect(offline_banner(anas)).to_be_visible()
    link.mend()
    network_is_back(anas)
    anas.sees_state(texts[-1], "read")
    for window in (anas, bens):
        assert all_texts(window) == ["Are you there?", *texts]


def test_what_waits_survives_the_browser(
    playwright: Playwright, window_of: Open, people: People, product: Product, tmp_path: Path
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    path = f"/messages/{ben.writes(ana, 'Are you there?')}"
    bens = window_of(ben, "phone", path)

    def start() -> Window:
        context = playwright.chromium.launch_persistent_context(
            tmp_path, executable_path=program("chromium"), args=LAUNCH_ARGUMENTS, locale="en-GB"
        )
        return Window(context.new_page(), product.url, "desktop")

    anas = start()
    sign_in(anas, ana, path)
    anas.sees("Are you there?")
    anas.complaints.expect(LOST_LINK)
    anas.context.set_offline(True)
    for text in ("One", "Two"):
        anas.writes(text)
        anas.sees_state(text, "waiting")
    anas.context.close()
    anas = start()
    anas.goes_to(path)
    anas.sees_state("Two", "read")
    for window in (anas, bens):
        assert all_texts(window) == ["Are you there?", "One", "Two"]
    anas.context.close()


# What changed meanwhile.


def test_a_token_that_ran_out_meanwhile_is_renewed_without_a_word(
    window_of: Open, people: People, product: Product
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    path = f"/messages/{ben.writes(ana, 'Are you there?')}"
    anas = window_of(ana, "desktop")
    link = Link(anas.page)
    anas.goes_to(path)
    anas.sees("Are you there?")
    watch(anas)
    link.sign_in_once_with(token_that_ran_out(product, ana))
    link.cut()
    anas.writes("Still me")
    with anas.page.expect_request("**/api/v1/auth/refresh"):
        link.mend()
    anas.sees_state("Still me", "sent")
    expect(offline_banner(anas)).to_have_count(0)
    assert is_the_same_page(anas)


def test_a_tab_does_not_become_somebody_elses_who_signs_in_beside_it(
    window_of: Open, people: People, product: Product
) -> None:
    """One browser has one cookie; the tab that was away gets a token by it."""
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Are you there?")
    anas = window_of(ana, "desktop")
    link = Link(anas.page)
    anas.goes_to(f"/messages/{conversation_id}")
    anas.sees("Are you there?")
    link.cut()
    anas.writes("From Ana")
    link.sign_in_once_with(token_that_ran_out(product, ana))
    sign_in(anas.another_tab(), ben)
    link.mend()
    network_is_back(anas)
    expect(anas.text(re.compile("Your session has ended"))).to_be_visible()
    assert stored_texts(product.database_url, conversation_id) == ["Are you there?"]
    sign_in(anas, ana, f"/messages/{conversation_id}")
    anas.sees_state("From Ana", "sent")


def token_that_ran_out(product: Product, person: Person) -> str:
    session_id = person.ask("GET", "/sessions")["sessions"][0]["id"]
    return issue_access_token(
        (product.data / "secret").read_bytes().strip(),
        user_id=UserId(UUID(person.user_id)),
        session_id=SessionId(UUID(session_id)),
        role="user",
        now=clock.utc_now() - timedelta(days=1),
    )


def test_a_session_that_was_ended_meanwhile_is_told_and_what_was_written_is_kept(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    path = f"/messages/{ben.writes(ana, 'Are you there?')}"
    anas = window_of(ana, size, path)
    anas.complaints.expect("status of 401")
    anas.sees("Are you there?")
    with anas.offline():
        expect(offline_banner(anas)).to_be_visible()
        anas.writes("Not sent yet")
        anas.sees_state("Not sent yet", "waiting")
        anas.composer.fill("Half a thought")
        ana.signs_out_everywhere()
    expect(anas.text(re.compile("Your session has ended"))).to_be_visible()
    sign_in(anas, ana, path)
    anas.sees_state("Not sent yet", "sent")
    expect(anas.composer).to_have_value("Half a thought")


def test_a_message_refused_because_he_blocked_her_meanwhile_says_why_and_what_to_do(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    anas = window_of(ana, size, f"/messages/{ben.writes(ana, 'Are you there?')}")
    anas.sees("Are you there?")
    with anas.offline():
        expect(offline_banner(anas)).to_be_visible()
        anas.writes("Wait")
        ben.blocks(ana)
    failed = anas.page.get_by_role("alert").filter(has_text="Not sent.")
    expect(failed).to_be_visible()
    expect(failed).to_contain_text("You cannot write to this chat any more.")
    expect(anas.button("Try again")).to_be_visible()
    anas.button("Discard").click()
    expect(anas.bubble("Wait")).to_have_count(0)


def test_conversations_made_and_left_meanwhile_come_and_go(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    old = ben.makes_group("Old band", ana)
    ben.writes_in(old, "Last concert")
    anas = window_of(ana, size, f"/messages/{old}")
    anas.sees("Last concert")
    watch(anas)
    with anas.offline():
        expect(offline_banner(anas)).to_be_visible()
        anas.writes("Encore?")
        ben.removes(ana, old)
        new = ben.makes_group("New band", ana)
        ben.writes_in(new, "First concert", "Second concert")
    expect(anas.text("This chat is not here")).to_be_visible()
    expect(anas.text("Encore?")).to_be_visible()
    anas.button("Discard").click()
    expect(anas.text("Encore?")).to_have_count(0)
    anas.goes_within("/messages")
    expect(anas.chat("Old band")).to_have_count(0)
    expect(anas.chat("New band").get_by_text("2 unread messages")).to_have_count(1)
    anas.opens_chat("New band")
    anas.sees("Second concert")
    assert all_texts(anas) == ["First concert", "Second concert"]
    assert is_the_same_page(anas)


def test_what_was_read_while_the_link_was_broken_is_read_everywhere_afterwards(
    window_of: Open, people: People
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    path = f"/messages/{ben.writes(ana, 'One', 'Two')}"
    bens = window_of(ben, "phone", path)
    anas = window_of(ana, "desktop")
    link = Link(anas.page)
    link.lose_answer_to("mark_read")
    anas.goes_to(path)
    anas.sees("Two")
    bens.sees_state("Two", "read")
    anas.page.reload()
    anas.sees("Two")
    expect(anas.chat("Ben").get_by_text("unread")).to_have_count(0)


def test_a_short_break_is_not_worth_a_word(window_of: Open, people: People) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    path = f"/messages/{ben.writes(ana, 'Are you there?')}"
    anas = window_of(ana, "desktop")
    link = Link(anas.page)
    anas.goes_to(path)
    anas.sees("Are you there?")
    anas.page.evaluate(
        "() => { window.banners = 0; new MutationObserver(() => {"
        " window.banners += document.querySelectorAll('[data-testid=offline]').length;"
        " }).observe(document.body, { childList: true, subtree: true }); }"
    )
    link.break_once()
    anas.writes("Did something happen?")
    anas.sees_state("Did something happen?", "sent")
    assert anas.page.evaluate("window.banners") == 0
