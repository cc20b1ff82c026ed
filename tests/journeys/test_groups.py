"""Groups: made, named, joined, left, and what everybody sees of it while it happens."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.people import People
from tests.browser.window import Size, Window
from tests.journeys.conftest import Open

pytestmark = pytest.mark.browser


def does_to_member(window: Window, name: str, action: str) -> None:
    window.button(f"Actions for {name}").click()
    window.menu_item(action).click()


def test_ana_makes_a_group_and_everybody_is_in_it_at_once(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben, chloe = people.new("Ana"), people.new("Ben"), people.new("Chloe")
    ana.befriends(ben)
    anas, bens, chloes = window_of(ana, size), window_of(ben, size), window_of(chloe, "phone")
    anas.link("New group").click()
    anas.button("Create group").click()
    expect(anas.text("Give the group a name.")).to_be_visible()
    expect(anas.text("Choose at least one person.")).to_be_visible()
    anas.field("Group name").fill("Weekend")
    anas.button(re.compile(ben.handle)).click()
    anas.field("Name or handle").fill(chloe.handle)
    anas.button(re.compile(chloe.handle)).click()
    anas.button("Create group").click()
    anas.sees_note("You made the group “Weekend”")
    anas.writes("Who drives?")

    bens.opens_chat("Weekend")
    bens.sees_note("Ana made the group “Weekend”")
    bens.sees("Who drives?")
    anas.sees_state("Who drives?", "delivered")
    chloes.opens_chat("Weekend")
    anas.sees_state("Who drives?", "read")
    bens.writes("I do")
    for window in (anas, chloes):
        expect(window.bubble("I do")).to_contain_text("Ben")


def test_renaming_adding_and_removing_are_seen_live_by_all(
    window_of: Open, people: People, size: Size
) -> None:
    ana, ben, chloe, dev = (people.new(name) for name in ("Ana", "Ben", "Chloe", "Dev"))
    group_id = ana.makes_group("Weekend", ben, chloe)
    ana.befriends(dev)
    bens = window_of(ben, "phone", f"/messages/{group_id}")
    devs = window_of(dev, "phone")
    anas = window_of(ana, size, f"/messages/{group_id}/info")

    anas.button("Rename group").click()
    anas.field("Group name").fill("Week in Porto")
    anas.button("Save").click()
    expect(bens.page.get_by_role("heading", level=1, name="Week in Porto")).to_be_visible()
    bens.sees_note("Ana named the group “Week in Porto”")

    anas.button("Add people").click()
    anas.page.get_by_role("dialog").get_by_role("button", name=re.compile(dev.handle)).click()
    anas.button("Add").click()
    bens.sees_note("Ana added Dev")
    expect(bens.subtitle).to_have_text("4 members")
    devs.opens_chat("Week in Porto")

    does_to_member(anas, "Ben", "Remove from group")
    anas.button("Undo").click()
    expect(anas.button("Actions for Ben")).to_be_visible()
    does_to_member(anas, "Ben", "Remove from group")
    anas.toasts.get_by_role("button", name="Dismiss").first.click()
    devs.sees_note("Ana removed Ben")
    expect(bens.text("This chat is not here")).to_be_visible()
    bens.button("To your chats").click()
    expect(bens.text("No chats yet")).to_be_visible()


def test_an_admin_shares_the_role_and_leaves(window_of: Open, people: People, size: Size) -> None:
    ana, ben = people.new("Ana"), people.new("Ben")
    group_id = ana.makes_group("Weekend", ben)
    bens = window_of(ben, size, f"/messages/{group_id}/info")
    anas = window_of(ana, size, f"/messages/{group_id}/info")
    expect(bens.button("Leave group")).to_be_visible()
    expect(bens.button("Add people")).to_have_count(0)
    does_to_member(anas, "Ben", "Make admin")
    expect(bens.button("Add people")).to_be_visible()
    expect(bens.button("Rename group")).to_be_visible()

    anas.button("Leave group").click()
    anas.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    anas.button("Leave group").click()
    anas.page.get_by_role("dialog").get_by_role("button", name="Leave group").click()
    expect(anas.text("No chats yet")).to_be_visible()
    expect(bens.page.get_by_role("heading", name="1 member")).to_be_visible()
    bens.goes_to(f"/messages/{group_id}")
    bens.sees_note("Ana left")
