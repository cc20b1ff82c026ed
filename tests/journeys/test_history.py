"""A long conversation: read upwards without a jump, and back to its end in one press."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.link import Link
from tests.browser.people import People, Person
from tests.browser.window import Size, Window
from tests.journeys.conftest import Open

pytestmark = pytest.mark.browser

MESSAGES = 220
PIXELS_MOVED_MAX = 2
TURNS_OF_THE_WHEEL_MAX = 300


@pytest.fixture(scope="module")
def ben_and_ana(people: People) -> tuple[Person, Person, str]:
    """Who have said a lot to each other."""
    ben, ana = people.new("Ben"), people.new("Ana")
    conversation_id = ben.writes(ana, *(f"Message {number}" for number in range(1, MESSAGES + 1)))
    ana.reads(conversation_id)
    return ben, ana, conversation_id


def list_of(window: Window) -> Locator:
    return window.page.get_by_role("group", name="Messages with Ben")


def scrolls_to_top(window: Window) -> None:
    """And waits until that is drawn."""
    list_of(window).evaluate(
        """async (box) => {
          box.scrollTop = 0;
          for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
        }"""
    )


def test_older_pages_come_in_above_without_moving_what_is_read(
    window_of: Open, ben_and_ana: tuple[Person, Person, str], size: Size
) -> None:
    _, ana, conversation_id = ben_and_ana
    anas = window_of(ana, size)
    link = Link(anas.page)
    anas.opens_conversation(conversation_id)
    expect(anas.bubble(f"Message {MESSAGES}")).to_be_in_viewport()
    link.hold("list_messages")
    scrolls_to_top(anas)
    first = list_of(anas).locator(".bubble").first
    seen = re.search(r"Message \d+", first.inner_text())
    assert seen is not None
    reading = anas.bubble(seen[0])
    expect(reading).to_be_in_viewport()
    expect(anas.text("Loading older messages…")).to_be_attached()
    before = reading.bounding_box()
    link.release()
    number = int(seen[0].split()[1])
    expect(anas.bubble(f"Message {number - 1}")).to_be_attached()
    after = reading.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) <= PIXELS_MOVED_MAX


def test_ana_scrolls_up_to_the_very_first_message_and_jumps_back(
    window_of: Open, ben_and_ana: tuple[Person, Person, str], size: Size
) -> None:
    ben, ana, conversation_id = ben_and_ana
    anas = window_of(ana, size, f"/messages/{conversation_id}")
    expect(anas.bubble(f"Message {MESSAGES}")).to_be_in_viewport()
    box = list_of(anas).bounding_box()
    assert box is not None
    anas.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    very_first = anas.bubble("Message 1")
    for _ in range(TURNS_OF_THE_WHEEL_MAX):
        if very_first.count():
            break
        anas.page.mouse.wheel(0, -4000)
    expect(very_first).to_be_visible()

    heard = f"News for {size}"
    ben.writes_in(conversation_id, heard)
    jump = anas.page.get_by_test_id("to-latest")
    expect(jump).to_contain_text("Jump to 1 new message")
    expect(very_first).to_be_visible()
    jump.click()
    expect(anas.bubble(heard)).to_be_in_viewport()
    expect(jump).to_have_count(0)
    ana.reads(conversation_id)
