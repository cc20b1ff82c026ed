"""Marks, coalesced: a phone scrolling through a conversation moves its mark many times a second.

Each connection stores at most one mark a second for each conversation. What comes sooner waits
for the rest of that second, and only the furthest is stored; every request gets its reply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from realtime import wire
from realtime.client import Client
from realtime.dispatch import PENDING_MAX, Asked, Dispatch, Marking
from realtime.later import Later
from storage.errors import TooManyRequests

MARK_SECONDS = 1.0
MARKED_CONVERSATIONS_MAX = 100


@dataclass(slots=True)
class Mark:
    """What waits for the end of the second: nothing, or the furthest mark and who asked."""

    waiting: Asked | None = None


class Marks:
    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._later: Later[tuple[Client, tuple[str, object]]] = Later(MARK_SECONDS, self._due)

    async def run(self) -> None:
        await self._later.run()

    def submit(self, client: Client, request_id: int, command: Marking, body: Any) -> None:
        marks = client.marks = client.marks if client.marks is not None else {}
        key = (command.name, body.conversation_id)
        mark = marks.get(key)
        if mark is None and len(marks) < MARKED_CONVERSATIONS_MAX:
            self._dispatch.submit(client, Asked((request_id,), command, body))
            marks[key] = Mark()
            self._later.add((client, key))
        elif mark is None or (mark.waiting and len(mark.waiting.request_ids) >= PENDING_MAX):
            refusal = TooManyRequests("marks", "fewer at once", retry_after_seconds=MARK_SECONDS)
            client.push(wire.refusal_reply([request_id], refusal))
        else:
            mark.waiting = _joined(mark.waiting, Asked((request_id,), command, body))

    def _due(self, item: tuple[Client, tuple[str, object]]) -> None:
        client, key = item
        if client.marks is None or not client.is_open:
            return
        mark = client.marks.pop(key)
        if mark.waiting is not None:
            self._dispatch.submit(client, mark.waiting)
            client.marks[key] = Mark()
            self._later.add(item)
        elif not client.marks:
            client.marks = None


def _joined(waiting: Asked | None, asked: Asked) -> Asked:
    if waiting is None:
        return asked
    furthest = max(waiting.body.seq, asked.body.seq)
    body = msgspec.structs.replace(asked.body, seq=furthest)
    return Asked(waiting.request_ids + asked.request_ids, asked.command, body)
