"""What the generator is told and what it reports, as JSON lines."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

DialectName: TypeAlias = Literal["loopync", "socketio"]


class Person(msgspec.Struct, frozen=True):
    """One connection. Persons 2k and 2k+1 are the two of one conversation."""

    token: str
    conversation_id: str


class Cast(msgspec.Struct, frozen=True):
    """The first order: connect everybody. Answered by `Ready`."""

    dialect: DialectName
    host: str
    port: int
    origin: str
    people: list[Person]


class Ready(msgspec.Struct, frozen=True):
    connections: int


class Step(msgspec.Struct, frozen=True):
    """Send at `rate` messages a second from `begin_ns` on (of CLOCK_MONOTONIC).

    The messages of the first `lead_in_seconds` count as messages, but their times do not. What has
    not come `drain_seconds` after the last is lost.
    """

    rate: float
    begin_ns: int
    lead_in_seconds: float
    seconds: float
    drain_seconds: float


class Spread(msgspec.Struct, frozen=True):
    """Milliseconds."""

    p50: float
    p95: float
    p99: float
    max: float


class Outcome(msgspec.Struct, frozen=True):
    """What came of a step.

    `delivery` and `ack` count from the moment a message should have been sent, `lateness` is how
    late it was. `stopped_early`: too much was under way, so the rest was not sent.
    `faults`: what must never happen: lost, twice, out of order, astray; words for the first few.
    """

    sent: int
    measured: int
    acked_in_all: int
    refused: int
    stopped_early: bool
    delivery: Spread
    ack: Spread
    lateness: Spread
    generator_cpu_seconds: float
    faults: list[str]
