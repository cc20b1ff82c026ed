"""Friends and blocks: each step is seen in the other's window while it happens."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.people import People
from tests.browser.window import Size
from tests.journeys.conftest import Open

pytestmark = pytest.mark.browser


def test_ben_asks_and_ana_accepts(window_of: Open, people: People, size: Size) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    anas = window_of(ana, size, "/people")
    bens = window_of(ben, size, f"/people/{ana.user_id}")
    bens.button("Add friend").click()
    expect(anas.link(re.compile("1 new People"))).to_be_visible()
    anas.link(re.compile("Requests")).click()
    expect(anas.text("They asked you")).to_be_visible()
    anas.button("Accept: Ben").click()
    expect(bens.text("Friends").last).to_be_visible()
    expect(anas.text("No requests")).to_be_visible()
    anas.link("Friends").click()
    expect(anas.link(re.compile(ben.handle))).to_be_visible()


def test_requests_are_declined_and_taken_back_and_friends_removed(
    window_of: Open, people: People
) -> None:
    ana, ben, chloe, dev = (people.new(name) for name in ("Ana", "Ben", "Chloe", "Dev"))
    ben.asks_to_be_friends(ana)
    ana.asks_to_be_friends(chloe)
    ana.befriends(dev)
    anas = window_of(ana, "desktop", "/people/requests")
    bens = window_of(ben, "phone", f"/people/{ana.user_id}")
    chloes = window_of(chloe, "phone", "/people/requests")
    devs = window_of(dev, "phone", "/people")

    expect(bens.button("Take request back")).to_be_visible()
    anas.button("Decline: Ben").click()
    expect(bens.button("Add friend")).to_be_visible()

    expect(chloes.button("Accept: Ana")).to_be_visible()
    anas.button("Take request back: Chloe").click()
    expect(chloes.text("No requests")).to_be_visible()

    expect(devs.link(re.compile(ana.handle))).to_be_visible()
    anas.goes_to(f"/people/{dev.user_id}")
    anas.button("More about Dev").click()
    anas.menu_item("Remove friend").click()
    anas.toasts.get_by_role("button", name="Dismiss").first.click()
    expect(devs.text("No friends yet")).to_be_visible()
    expect(anas.button("Add friend")).to_be_visible()


def test_who_is_blocked_cannot_find_or_write_and_can_again_once_unblocked(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    conversation_id = ben.writes(ana, "Buy my watches")
    bens = window_of(ben, size, f"/messages/{conversation_id}")
    anas = window_of(ana, size, f"/people/{ben.user_id}")
    anas.button("More about Ben").click()
    anas.menu_item("Block").click()
    expect(anas.button("Unblock")).to_be_visible()
    anas.opens_conversation(conversation_id)
    expect(anas.text("You have blocked Ben.")).to_be_visible()
    expect(anas.composer).to_have_count(0)
    bens.page.reload()
    expect(bens.text(re.compile("You cannot write to"))).to_be_visible()
    bens.goes_to(f"/people/search?q={ana.handle}")
    expect(bens.text("Nobody found")).to_be_visible()

    anas.goes_to("/settings/blocked")
    anas.button("Unblock: Ben").click()
    expect(anas.text("Nobody is blocked")).to_be_visible()
    bens.page.reload()
    expect(bens.link(re.compile(ana.handle))).to_be_visible()
    bens.opens_conversation(conversation_id)
    bens.writes("Sorry")
    anas.opens_conversation(conversation_id)
    anas.sees("Sorry")
