"""What must hold, by name: what is broken says so, and a control can ask which it was."""

from __future__ import annotations

from enum import StrEnum

import trio

from tests.simulation.clock import Trace

FAILURES_KEPT = 20


class Invariant(StrEnum):
    ACKED_IS_STORED = "what was acknowledged is stored, at that moment and for ever, once"
    STORED_ONCE = "what was sent is stored once, or was refused"
    NUMBERS = "messages and journal entries are numbered without gaps"
    IN_ORDER = "each topic comes to each connection without gaps, doubles or strange order"
    NOTHING_ELSE = "nobody hears of a topic that is not theirs"
    COMPLETE = "each device has each topic to its end, word for word"
    THREADS = "each device shows each conversation as the database has it"
    NO_RESYNC = "nobody is told to load anew who missed little"
    UNREAD = "unread counts are what a recount finds"
    MARKS = "marks never move back"
    PRESENCE = "everybody sees who is there, half a minute after peace at the latest"
    NOTHING_LEFT = "when everybody has left, nothing of them is left"
    NO_FAULT = "nothing goes wrong that nobody caused"


class Judge:
    """Collects what was broken; the run goes on, so that the trace shows what followed."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self.failures: list[tuple[Invariant, str]] = []

    def broken(self, invariant: Invariant, what: str) -> None:
        self._trace.note("JUDGE", f"{invariant.name}: {what}")
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append((invariant, f"at {trio.current_time():.3f} s: {what}"))

    def check(self, holds: bool, invariant: Invariant, what: str) -> None:
        if not holds:
            self.broken(invariant, what)
