"""What every bus offers, whatever carries it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID

from storage.journal import Entry


class Listener(Protocol):
    """Called synchronously; none of the three may wait or raise."""

    def heard(self, entry: Entry) -> None:
        """A journal entry, in any order, perhaps twice; its body is None if it was too large."""

    def whispered(self, topic: str, kind: str, body: bytes) -> None:
        """Something ephemeral: no number, no second chance."""

    def lost(self) -> None:
        """Something may have been missed: compare what you have with the journal's tips."""


class Bus(Protocol):
    @property
    def origin(self) -> UUID:
        """Names this process to the others."""

    @property
    def connected(self) -> bool:
        """Whether the others can be heard at the moment."""

    def publish_many(self, entries: Iterable[Entry]) -> None:
        """Tell this process's listeners at once and the other processes soon. Never waits."""

    def whisper(self, topic: str, kind: str, body: bytes) -> None:
        """The same for what is not stored."""

    def subscribe(self, listener: Listener) -> AbstractContextManager[None]:
        """Until the `with` block ends, `listener` hears everything, from here and elsewhere."""
