"""Whoever was away has everything afterwards: what was said, and what waited to be said."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Playwright, expect

from tests.browser.away import LOST_LINK, network_is_back, offline_banner
from tests.browser.bubbles import (
    all_texts,
    doubled,
    drawn_texts,
    is_the_same_page,
    watch,
)
from tests.browser.link import Link
from tests.browser.people import People, Person
from tests.browser.product import Product
from tests.browser.rows import stored_texts
from tests.browser.window import Window, sign_in
from tests.journeys.conftest import LAUNCH_ARGUMENTS, Open
from tests.needs import program

pytestmark = pytest.mark.browser

MORE_THAN_IS_REPLAYED = 1_030
WRITERS = 8
DRAWN_AT_LEAST = 15


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
