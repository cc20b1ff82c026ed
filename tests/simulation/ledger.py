"""What people sent, and what they were answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.simulation.database import Postgres
from tests.simulation.failures import Invariant, Judge


@dataclass(eq=False)
class Sent:
    """A message of somebody's, however often it is tried."""

    sender_id: UUID
    client_id: UUID
    text: str
    target: Mapping[str, str]
    answer: Mapping[str, Any] | None = None
    refused: str | None = None

    @property
    def is_settled(self) -> bool:
        return self.answer is not None or self.refused is not None

    def refuse(self, code: str) -> None:
        self.refused = code


class Ledger:
    def __init__(self, postgres: Postgres, judge: Judge) -> None:
        self._postgres = postgres
        self._judge = judge
        self.all: list[Sent] = []

    def acknowledged(self, sent: Sent, answer: Mapping[str, Any]) -> None:
        """Every answer is the first one, and at that moment what it says is stored already."""
        first, sent.answer = sent.answer, sent.answer or answer
        self.check(sent)
        if first is not None and first != answer:
            what = f"'{sent.text[:12]}' is acknowledged as {answer} after {first}"
            self._judge.broken(Invariant.ACKED_IS_STORED, what)

    def check(self, sent: Sent) -> None:
        rows = self._postgres.ask(FIND, sent.sender_id, sent.client_id)
        name = f"'{sent.text[:12]}'"
        if len(rows) > 1:
            places = ", ".join(str(row["seq"]) for row in rows)
            self._judge.broken(Invariant.STORED_ONCE, f"{name} is stored as {places}")
        elif sent.answer is None:
            return  # Refused: an earlier try may yet have been stored.
        elif not rows:
            self._judge.broken(Invariant.ACKED_IS_STORED, f"{name} is acknowledged, not stored")
        else:
            [row] = rows
            stored = (str(row["id"]), str(row["conversation_id"]), row["seq"])
            answered = tuple(sent.answer[key] for key in ("id", "conversationId", "seq"))
            if stored != answered or row["text"] != sent.text:
                what = f"{name} is acknowledged as {answered}, stored as {stored}"
                self._judge.broken(Invariant.ACKED_IS_STORED, what)


FIND = """
    SELECT id, conversation_id, seq, text FROM messages WHERE sender_id = $1 AND client_id = $2
     ORDER BY conversation_id, seq
"""
