"""What a run leaves to judge: what was asked and answered, what is stored, what each device heard.

All ids are text, as on the wire. A message is known by its author, its place and its text, of
which the writers make no two alike: so a double is seen even when it has ids of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Ack:
    """One answer to one try. Only a message's answer names it; another deed's is its whole body."""

    conversation: str
    message: str
    seq: int


@dataclass(slots=True, kw_only=True)
class Write:
    """Something to be stored once, however often it is sent."""

    author: str
    writer: str
    """Who waits for an answer before writing the next: one of the author's hands."""
    text: str
    """Of a message; of a note of a group, what it says: `renamed: Tea`."""
    is_note: bool = False
    acks: list[Ack] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    """Answers that will not change: nothing may be stored."""
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of `messages`. `text`: as in Write."""

    conversation: str
    seq: int
    message: str
    author: str
    text: str
    is_note: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """A row of `members`."""

    conversation: str
    person: str
    joined_seq: int
    read_seq: int
    delivered_seq: int


@dataclass(frozen=True, slots=True)
class HeardMessage:
    conversation: str
    seq: int
    message: str
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class HeardMark:
    """A push that says how far somebody has come. `kind`: read or delivered."""

    conversation: str
    person: str
    kind: str
    seq: int


@dataclass(slots=True)
class Heard:
    """All that came to one device, in the order in which it came."""

    device: str
    person: str
    messages: list[HeardMessage] = field(default_factory=list)
    marks: list[HeardMark] = field(default_factory=list)
    dropped: int = 0
    """Pushes that its own queue had no room for: a fault of the harness, not of the product."""


@dataclass(frozen=True, slots=True)
class MarkAnswer:
    """`marker`: who asks for one mark after the other; `kind`: read or delivered."""

    conversation: str
    person: str
    marker: str
    kind: str
    asked: int
    answered: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A conversation as its member's list shows it at the end."""

    conversation: str
    person: str
    last_seq: int
    read_seq: int
    unread: int


@dataclass(slots=True)
class Evidence:
    writes: list[Write] = field(default_factory=list)
    stored: list[Stored] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    marks: list[MarkAnswer] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=list)
