"""The bubbles of a thread: all of them, and whether one ever stood there twice."""

from __future__ import annotations

from typing import Any

from tests.browser.window import Window

SENT = ("sent", "delivered", "read")

READ_ALL = """
async () => {
  const box = document.querySelector('.thread .view [role=group]');
  const frames = async () => {
    for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
  };
  // From the end upwards, a screen's height at a time: the list draws only what is near.
  const screens = [];
  const look = () => screens.unshift([...box.querySelectorAll('.bubble')].map((bubble) => ({
    key: bubble.closest('[data-row]').dataset.row,
    text: bubble.querySelector('.text').textContent,
    state: bubble.dataset.state ?? null,
  })));
  for (let top = box.scrollHeight; ; top -= box.clientHeight / 2) {
    box.scrollTop = Math.max(0, top);
    await frames();
    look();
    if (top <= 0) break;
  }
  box.scrollTop = box.scrollHeight;
  await frames();
  return screens;
}
"""

WATCH = """
() => {
  const texts = () => [...document.querySelectorAll('.thread .view .bubble .text')];
  window.doubled = new Set();
  const look = () => {
    const seen = new Set();
    for (const { textContent } of texts()) {
      if (seen.has(textContent)) window.doubled.add(textContent);
      seen.add(textContent);
    }
  };
  const everything = { childList: true, subtree: true, characterData: true };
  new MutationObserver(look).observe(document.body, everything);
  window.firstLoad = performance.timeOrigin;
}
"""


def watch(window: Window) -> None:
    """From now on every bubble that stands there twice is noted, and so is a reload."""
    window.page.evaluate(WATCH)


def doubled(window: Window) -> list[str]:
    """Texts that stood there twice since `watch`, if only for a moment."""
    texts: list[str] = window.page.evaluate("[...window.doubled]")
    return texts


def is_the_same_page(window: Window) -> bool:
    same: bool = window.page.evaluate("window.firstLoad === performance.timeOrigin")
    return same


def all_bubbles(window: Window) -> list[dict[str, Any]]:
    """`{key, text, state}` of a thread of one page at most, from the oldest to the newest."""
    screens: list[list[dict[str, Any]]] = window.page.evaluate(READ_ALL)
    return joined(screens)


def joined(screens: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """One list of overlapping ones. A bubble that two of them hold is told by its key; raises
    AssertionError when they do not agree on the order."""
    found: list[dict[str, Any]] = []
    places: dict[str, int] = {}
    for screen in screens:
        last = -1
        for bubble in screen:
            if bubble["key"] not in places:
                places[bubble["key"]] = len(found)
                found.append(bubble)
            place = places[bubble["key"]]
            assert place > last, f"{bubble['text']!r} is out of order"
            last = place
    return found


def drawn_texts(window: Window) -> list[str]:
    """Of a long thread only what is near: the list draws no more."""
    return window.thread.locator(".bubble .text").all_text_contents()


def all_texts(window: Window) -> list[str]:
    return [bubble["text"] for bubble in all_bubbles(window)]
