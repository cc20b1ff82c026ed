"""Between a window and the server: holds, refuses or loses what goes over its socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from playwright.sync_api import Page, WebSocketRoute

Message = str | bytes


class Link:
    """Made before the page is loaded. Every connection of the page goes through it."""

    def __init__(self, page: Page) -> None:
        self.held: list[Callable[[], None]] = []
        self._hold: str | None = None
        self._refuse: tuple[str, dict[str, Any]] | None = None
        self._lose_answer_to: str | None = None
        self._lose: str | None = None
        self.lost: list[str] = []
        self._lost_id: int | None = None
        self._anew = False
        self._cut = False
        self._token: str | None = None
        self._open: list[tuple[WebSocketRoute, WebSocketRoute]] = []
        page.route_web_socket(lambda url: url.endswith("/ws"), self._opened)

    def hold(self, event: str) -> None:
        """What is asked by this name waits until `release`."""
        self._hold = event

    def release(self) -> None:
        self._hold = None
        held, self.held = self.held, []
        for pass_on in held:
            pass_on()

    def refuse(self, event: str, code: str) -> None:
        """Answers in the server's place, until `relent`."""
        error = {"code": code, "subject": event, "hint": "", "retry": False}
        self._refuse = (event, error)

    def relent(self) -> None:
        self._refuse = None

    def lose_answer_to(self, event: str) -> None:
        """The server does what is asked; the connection breaks before its answer, once."""
        self._lose_answer_to = event

    def lose(self, event: str) -> None:
        """The connection breaks before what is asked by this name reaches the server, once."""
        self._lose = event

    def cut(self) -> None:
        """Ends what is connected; what connects is ended at once, until `mend`."""
        self._cut = True
        self.break_once()

    def mend(self) -> None:
        self._cut = False

    def break_once(self) -> None:
        connected, self._open = self._open, []
        for window, server in connected:
            server.close()
            window.close(code=4000, reason="going_away")

    def sign_in_once_with(self, token: str) -> None:
        """The next connection shows this access token in place of the page's own."""
        self._token = token

    def send_each_anew(self) -> None:
        """As a client without `clientId`s would: a repetition is another message."""
        self._anew = True

    def _opened(self, window: WebSocketRoute) -> None:
        if self._cut:
            window.close(code=4000, reason="going_away")
            return
        server = window.connect_to_server()
        self._open.append((window, server))
        window.on_message(lambda message: self._asked(window, server, message))
        server.on_message(lambda message: self._answered(window, server, message))

    def _asked(self, window: WebSocketRoute, server: WebSocketRoute, message: Message) -> None:
        if (window, server) not in self._open:
            return  # under way while the connection broke
        frame = json.loads(message)
        event = frame["event"]
        if self._token is not None and event == "connect":
            frame["data"]["token"], self._token = self._token, None
            message = json.dumps(frame)
        if self._anew and event == "send_message":
            frame["data"]["clientId"] = str(uuid4())
            message = json.dumps(frame)
        if self._refuse is not None and event == self._refuse[0]:
            answer = {"id": frame["id"], "success": False, "error": self._refuse[1]}
            window.send(json.dumps(answer))
        elif event == self._lose:
            self._lose = None
            self.lost.append(event)
            self.break_once()
        elif event == self._hold:
            self.held.append(lambda: server.send(message))
        else:
            if event == self._lose_answer_to:
                self._lose_answer_to, self._lost_id = None, frame["id"]
            server.send(message)

    def _answered(self, window: WebSocketRoute, server: WebSocketRoute, message: Message) -> None:
        if self._lost_id is not None and json.loads(message).get("id") == self._lost_id:
            self._lost_id = None
            self.break_once()
        else:
            window.send(message)
