"""A connection as the application sees it: who it is, what it listens to, what it waits for."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from realtime.connection import Connection
from realtime.disconnects import BEHIND
from storage.actor import Actor
from storage.ids import UserId

if TYPE_CHECKING:
    from realtime.dispatch import Asked
    from realtime.marks import Mark
    from realtime.topic import Topic
    from storage.domains.presence import Presence

HELD_FRAMES_MAX = 1_000


class Client:
    """State of one connection; what is rarely needed is None until it is."""

    __slots__ = (
        "actor",
        "asked_since",
        "asked_times",
        "audiences",
        "away",
        "connection",
        "faults",
        "held",
        "holds",
        "is_arriving",
        "marks",
        "pending",
        "topics",
        "typed",
        "user",
        "watched",
    )

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.actor: Actor | None = None
        self.user = ""
        self.topics: tuple[Topic, ...] = ()
        self.is_arriving = False
        self.away = False

        self.held: list[bytes] | None = None
        """Live frames that must stand behind a replay which is still being read."""
        self.holds = 0
        self.pending: deque[Asked] | None = None
        """Commands that wait for storage, the one at work included."""
        self.marks: dict[tuple[str, object], Mark] | None = None
        self.typed: dict[str, tuple[float, bool]] | None = None
        self.audiences: dict[str, int] | None = None
        """Where typing may be told, and how many blocks had been seen when that was found."""
        self.watched: dict[UserId, Presence | None] | None = None
        """Whose presence is shown there, and what was last told of each."""

        self.asked_since = 0.0
        self.asked_times = 0
        self.faults = 0

    @property
    def address(self) -> str:
        return self.connection.address

    @property
    def is_open(self) -> bool:
        return self.connection.open

    def push(self, frame: bytes) -> None:
        """Send at once: replies, and whatever has no place in a topic."""
        self.connection.push(frame)

    def hear(self, frame: bytes) -> None:
        """A live push: sent, or held behind the replay that it must follow."""
        if self.held is None:
            self.connection.push(frame)
        elif len(self.held) < HELD_FRAMES_MAX:
            self.held.append(frame)
        else:
            self.fall_behind()

    def hold(self) -> None:
        self.holds += 1
        if self.held is None:
            self.held = []

    def keep_place(self) -> int:
        """Hold, and keep a place in what is held for a replay: behind all that came before."""
        self.hold()
        assert self.held is not None
        self.held.append(b"")
        return len(self.held) - 1

    def fill_place(self, place: int, frames: bytes) -> None:
        assert self.held is not None, "held since the place was kept"
        self.held[place] = frames

    def release(self) -> None:
        """End one hold; the last one lets go what was held."""
        self.holds -= 1
        assert self.holds >= 0
        if not self.holds:
            held, self.held = self.held or (), None
            for frame in held:
                if frame:
                    self.connection.push(frame)

    def fall_behind(self) -> None:
        self.connection.close(BEHIND)
