"""Pages that the system does not let run, and when each bubble was first drawn."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from playwright.sync_api import Browser

from tests.browser.window import Window

STOPPED_SECONDS_MAX = 10.0
LOOK_SECONDS = 0.01

NOTE_FIRST_DRAWN = """
() => {
  window.firstDrawn = {};
  const look = () => {
    for (const { textContent } of document.querySelectorAll('.thread .view .bubble .text'))
      window.firstDrawn[textContent] ??= Date.now();
  };
  const everything = { childList: true, subtree: true, characterData: true };
  new MutationObserver(look).observe(document.body, everything);
  look();
}
"""


def note_first_drawn(window: Window) -> None:
    """From now on: see `drawn_since`."""
    window.page.evaluate(NOTE_FIRST_DRAWN)


def drawn_since(window: Window, moment_ms: int) -> set[str]:
    """Texts that were not drawn before `moment_ms`, a time of `now_ms`."""
    first_drawn: dict[str, int] = window.page.evaluate("window.firstDrawn")
    return {text for text, drawn_ms in first_drawn.items() if drawn_ms >= moment_ms}


def now_ms() -> int:
    """By the clock that the page's `Date.now()` reads too."""
    return time.time_ns() // 1_000_000


@contextmanager
def frozen(browser: Browser) -> Iterator[None]:
    """SIGSTOP for every renderer of a browser that is one person's alone, SIGCONT at the end.

    Chromium without a screen draws messages in spite of `Page.setWebLifecycleState`, which is
    why it is not asked. Meanwhile nothing may be asked of a page: it would not answer.
    Raises AssertionError when one does not stop, or was made to run by somebody else.
    """
    tools = browser.new_browser_cdp_session()
    found = tools.send("SystemInfo.getProcessInfo")["processInfo"]
    tools.detach()
    renderers = [psutil.Process(each["id"]) for each in found if each["type"] == "renderer"]
    assert renderers
    try:
        for renderer in renderers:
            renderer.suspend()
        _wait_stopped(renderers)
        yield
        assert all(_is_stopped(renderer) for renderer in renderers)
    finally:
        for renderer in renderers:
            if renderer.is_running():
                renderer.resume()


def _wait_stopped(processes: list[psutil.Process]) -> None:
    """A signal is sent at once, but heeded when its process runs next."""
    end = time.monotonic() + STOPPED_SECONDS_MAX
    while not all(_is_stopped(process) for process in processes):
        assert time.monotonic() < end, f"not stopped: {processes}"
        time.sleep(LOOK_SECONDS)


def _is_stopped(process: psutil.Process) -> bool:
    return bool(process.status() == psutil.STATUS_STOPPED)
