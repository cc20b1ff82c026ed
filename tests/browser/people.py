"""Ana, Ben and the others: accounts made over HTTP, and what they do without a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

import httpx

PASSWORD = "tram-quartz-velvet-19"
TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    handle: str
    user_id: str
    access_token: str
    http: httpx.Client

    @property
    def email(self) -> str:
        return f"{self.handle}@example.com"

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The data of an answer that must be a success."""
        headers = {"Authorization": f"Bearer {self.access_token}"}
        answer = self.http.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def writes(self, to: Person, *texts: str) -> str:
        """Sends each text; returns the conversation's id."""
        return [self._send({"to": to.user_id}, text) for text in texts][-1]

    def writes_in(self, conversation_id: str, *texts: str) -> None:
        for text in texts:
            self._send({"conversationId": conversation_id}, text)

    def _send(self, where: Mapping[str, str], text: str) -> str:
        body = {**where, "text": text, "clientId": str(uuid4())}
        conversation_id: str = self.ask("POST", "/messages", body)["conversationId"]
        return conversation_id

    def makes_group(self, name: str, *others: Person) -> str:
        user_ids = [other.user_id for other in others]
        body = {"name": name, "userIds": user_ids, "clientId": str(uuid4())}
        group_id: str = self.ask("POST", "/conversations", body)["id"]
        return group_id

    def reads(self, conversation_id: str) -> None:
        seq = self.ask("GET", f"/conversations/{conversation_id}")["lastSeq"]
        self.ask("PUT", f"/conversations/{conversation_id}/read", {"seq": seq})

    def befriends(self, other: Person) -> None:
        self.ask("POST", "/friend-requests", {"userId": other.user_id})
        other.ask("POST", f"/friend-requests/{self.user_id}/accept")

    def blocks(self, other: Person) -> None:
        self.ask("PUT", f"/blocks/{other.user_id}")

    def removes(self, other: Person, group_id: str) -> None:
        self.ask("DELETE", f"/conversations/{group_id}/members/{other.user_id}")

    def signs_out_everywhere(self) -> None:
        self.ask("DELETE", "/sessions")

    def asks_to_be_friends(self, other: Person) -> None:
        self.ask("POST", "/friend-requests", {"userId": other.user_id})


class People:
    """Makes people; everybody in a run has another handle."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS)
        self._numbers = count(1)

    def new_handle(self, name: str) -> str:
        return f"{name.split()[0].lower()}.{next(self._numbers):03}x"

    def new(self, name: str, handle_from: str | None = None) -> Person:
        handle = self.new_handle(handle_from or name)
        body = {
            "name": name,
            "handle": handle,
            "email": f"{handle}@example.com",
            "password": PASSWORD,
        }
        answer = self._http.post("/api/v1/auth/signup", json=body)
        assert answer.is_success, answer.text
        data = answer.json()["data"]
        return Person(name, handle, data["user"]["id"], data["accessToken"], self._http)

    def close(self) -> None:
        self._http.close()
