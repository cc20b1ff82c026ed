"""A topic that somebody in this process listens to, and those who do."""

from __future__ import annotations

from typing import Protocol

from storage.journal import Entry

CROWD_LISTENERS_MIN = 16


class Listener(Protocol):
    """A connection, as the hub knows it."""

    user: str
    topics: tuple[Topic, ...]

    def hear(self, frame: bytes) -> None: ...
    def fall_behind(self) -> None: ...


class Topic:
    """A topic that somebody here listens to."""

    __slots__ = ("early", "key", "last_removal", "late", "listeners", "seq")

    def __init__(self, key: str, seq: int) -> None:
        self.key = key
        self.seq = seq
        """Of the last entry delivered here."""
        self.listeners: tuple[Listener, ...] | dict[Listener, None] = ()
        """Most topics have one or two: a tuple is smallest. In a crowd joining must stay cheap."""
        self.early: dict[int, Entry] | None = None
        self.late: dict[Listener, int] | None = None
        """Those who listen already, but hear only what comes after the seq named here."""
        self.last_removal = 0
        """Seq of the last entry delivered here that took a listener's right to listen."""

    def is_for(self, listener: Listener, seq: int) -> bool:
        """Whether the entry of that number is theirs, or lies before what they listen to."""
        return self.late is None or seq > self.late.get(listener, 0)

    def add(self, listener: Listener) -> bool:
        """False when they are there already."""
        listeners = self.listeners
        if listener in listeners:
            return False
        if isinstance(listeners, dict):
            listeners[listener] = None
        elif len(listeners) < CROWD_LISTENERS_MIN:
            self.listeners = (*listeners, listener)
        else:
            self.listeners = dict.fromkeys((*listeners, listener))
        return True

    def remove(self, listener: Listener) -> None:
        if isinstance(self.listeners, dict):
            self.listeners.pop(listener, None)
        else:
            self.listeners = tuple(other for other in self.listeners if other is not listener)
        if self.late is not None:
            self.late.pop(listener, None)
