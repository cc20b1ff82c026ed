"""What changed while somebody was away is so, and is said, when they are back."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from playwright.sync_api import expect

from storage import clock
from storage.domains.identity.access_tokens import issue_access_token
from storage.ids import SessionId, UserId
from tests.browser.away import network_is_back, offline_banner
from tests.browser.bubbles import (
    all_texts,
    is_the_same_page,
    watch,
)
from tests.browser.link import Link
from tests.browser.people import People, Person
from tests.browser.product import Product
from tests.browser.rows import stored_texts
from tests.browser.window import Size, sign_in
from tests.journeys.conftest import Open

pytestmark = pytest.mark.browser


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


def test_what_was_written_to_a_group_that_she_is_not_in_any_more_is_found_from_the_list(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    group = ben.makes_group("Old band", ana)
    ben.writes_in(group, "Last concert")
    anas = window_of(ana, size, f"/messages/{group}")
    anas.sees("Last concert")
    with anas.offline():
        expect(offline_banner(anas)).to_be_visible()
        anas.writes("Encore?")
        anas.sees_state("Encore?", "waiting")
        anas.goes_within("/messages")
        ben.removes(ana, group)
    left = anas.chats.get_by_role("link", name=re.compile("Encore"))
    expect(left).to_contain_text("Not sent")
    expect(anas.chat("Old band")).to_have_count(0)
    left.click()
    anas.button("Discard").click()
    anas.goes_within("/messages")
    expect(anas.text("No chats yet")).to_be_visible()
    expect(left).to_have_count(0)


def test_what_was_read_while_the_link_was_broken_is_read_everywhere_afterwards(
    window_of: Open, people: People
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    path = f"/messages/{ben.writes(ana, 'One', 'Two')}"
    bens = window_of(ben, "phone", path)
    anas = window_of(ana, "desktop")
    link = Link(anas.page)
    link.lose("mark_read")
    anas.goes_to(path)
    anas.sees("Two")
    bens.sees_state("Two", "read")
    assert link.lost == ["mark_read"]
    anas.page.reload()
    anas.sees("Two")
    expect(anas.chat("Ben").get_by_text("unread")).to_have_count(0)


def test_a_short_break_is_not_worth_a_word(window_of: Open, people: People) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    path = f"/messages/{ben.writes(ana, 'Are you there?')}"
    anas = window_of(ana, "desktop")
    anas.page.clock.install()
    link = Link(anas.page)
    anas.goes_to(path)
    anas.sees("Are you there?")
    # From here on time goes by when told to, however slow the machine is.
    anas.page.clock.pause_at(anas.page.evaluate("Date.now() / 1000 + 1"))
    anas.page.evaluate(
        "() => { window.banners = 0; new MutationObserver(() => {"
        " window.banners += document.querySelectorAll('[data-testid=offline]').length;"
        " }).observe(document.body, { childList: true, subtree: true }); }"
    )
    link.break_once()
    anas.writes("Did something happen?")
    anas.page.clock.run_for(1_900)
    anas.sees_state("Did something happen?", "sent")
    assert anas.page.evaluate("window.banners") == 0
    link.cut()
    anas.page.clock.run_for(2_100)
    expect(offline_banner(anas)).to_be_visible()
    assert anas.page.evaluate("window.banners") > 0
