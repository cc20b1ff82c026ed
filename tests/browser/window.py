"""A browser window, its person, and everything the browser complained about in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    ViewportSize,
    expect,
)

from tests.browser.people import PASSWORD, Person

Size = Literal["phone", "desktop"]
Theme = Literal["dark", "light"]
SendState = Literal["waiting", "failed", "sent", "delivered", "read"]
SIZES: dict[Size, ViewportSize] = {
    "phone": {"width": 390, "height": 844},
    "desktop": {"width": 1280, "height": 800},
}


@dataclass
class Complaints:
    """Errors and warnings of a window's console, and exceptions nobody caught.

    Chromium reports what the page's Content-Security-Policy forbids as an error there too.
    """

    said: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.said.append(f"uncaught: {error}"))

    def expect(self, pattern: str) -> None:
        """The browser itself reports refused requests and lost links: name what a test causes."""
        self.expected.append(pattern)

    def unexpected(self) -> list[str]:
        return [
            line
            for line in self.said
            if not any(re.search(pattern, line) for pattern in self.expected)
        ]

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.said.append(f"{message.type}: {message.text} ({message.location['url']})")


class Window:
    """One page. The verbs are a person's; they work at every width."""

    def __init__(self, page: Page, url: str, size: Size) -> None:
        self.page = page
        self.size = size
        self.complaints = Complaints()
        self.complaints.listen(page)
        self._url = url

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def goes_to(self, path: str) -> None:
        self.page.goto(self._url + path)

    def goes_within(self, path: str) -> None:
        """As by a link of the client's: no page is loaded."""
        self.page.evaluate(
            "(path) => { const link = document.createElement('a'); link.href = path;"
            " document.body.append(link); link.click(); link.remove(); }",
            path,
        )

    def another_tab(self) -> Window:
        return Window(self.context.new_page(), self._url, self.size)

    # Finding things: by what they are and say, never by markup.

    def button(self, name: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_role("button", name=name, exact=isinstance(name, str))

    def link(self, name: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_role("link", name=name, exact=isinstance(name, str))

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True)

    def text(self, words: str | re.Pattern[str]) -> Locator:
        """What can be seen of it: on a phone the other columns are there, but hidden."""
        return self.page.get_by_text(words, exact=isinstance(words, str)).filter(visible=True)

    def menu_item(self, name: str) -> Locator:
        return self.page.get_by_role("menuitem", name=name, exact=True)

    @property
    def toasts(self) -> Locator:
        return self.page.locator(".toasts")

    # The chat list.

    @property
    def chats(self) -> Locator:
        return self.page.get_by_role("region", name="Chats")

    def chat(self, title: str) -> Locator:
        """A row of the list."""
        return self.chats.get_by_role("listitem").filter(
            has=self.page.get_by_text(title, exact=True)
        )

    def opens_chat(self, title: str) -> None:
        self.to_list()
        self.chat(title).get_by_role("link").click()
        expect(self.page.get_by_role("heading", level=1, name=title)).to_be_visible()

    def to_list(self) -> None:
        """On a phone an open chat covers the list."""
        back = self.button("Back")
        expect(self.chats.or_(back).filter(visible=True).first).to_be_visible()
        if not self.chats.is_visible():
            back.click()
        expect(self.chats).to_be_visible()

    def opens_conversation(self, conversation_id: str) -> None:
        self.goes_to(f"/messages/{conversation_id}")
        expect(self.thread).to_be_visible()

    # The thread.

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name="Write a message")

    @property
    def thread(self) -> Locator:
        return self.page.locator(".thread .view")

    @property
    def subtitle(self) -> Locator:
        return self.page.get_by_test_id("thread-subtitle")

    def writes(self, text: str) -> None:
        self.composer.fill(text)
        self.button("Send").click()

    def bubble(self, text: str) -> Locator:
        return self.thread.locator(".bubble").filter(has=self.page.get_by_text(text, exact=True))

    def sees(self, text: str) -> None:
        expect(self.bubble(text)).to_be_visible()

    def sees_note(self, text: str) -> None:
        """What happened in a group, between the bubbles."""
        expect(self.thread.get_by_text(text, exact=True)).to_be_visible()

    def sees_state(self, text: str, state: SendState) -> None:
        """The clock or the ticks of one's own message."""
        expect(self.bubble(text)).to_have_attribute("data-state", state)

    # What holds for every screen.

    def fits(self) -> None:
        """Nothing makes the page scroll sideways."""
        wide = self.page.evaluate(
            "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
        )
        assert wide <= SIZES[self.size]["width"], f"{wide} px wide"

    @contextmanager
    def offline(self) -> Iterator[None]:
        # Whatever the browser itself was fetching then, its icon say, it reports as failed.
        self.complaints.expect(r"net::ERR_(INTERNET_DISCONNECTED|NETWORK_CHANGED)")
        self.context.set_offline(True)
        try:
            yield
        finally:
            self.context.set_offline(False)


def open_window(
    browser: Browser,
    url: str,
    size: Size,
    *,
    theme: Theme = "dark",
    bypass_csp: bool = False,
    still: bool = False,
    locale: str = "en-GB",
) -> Window:
    """In a context of its own, as on another machine. The policy of the page is in force unless
    `bypass_csp`; `still` asks for reduced motion."""
    context = browser.new_context(
        viewport=SIZES[size],
        is_mobile=size == "phone",
        has_touch=size == "phone",
        color_scheme=theme,
        reduced_motion="reduce" if still else "no-preference",
        bypass_csp=bypass_csp,
        locale=locale,
    )
    return Window(context.new_page(), url, size)


def sign_in(window: Window, person: Person, path: str = "/messages") -> None:
    """By the cookie, as somebody who comes back."""
    origin = str(person.http.base_url).rstrip("/")
    answer = window.context.request.post(
        f"{origin}/api/v1/auth/login",
        data={"login": person.handle, "password": PASSWORD, "cookie": True},
        headers={"Origin": origin},
    )
    assert answer.ok, answer.text()
    window.goes_to(path)
    # In whatever language: the first link of everybody who is signed in.
    expect(window.page.locator("a.skip")).to_be_attached()
