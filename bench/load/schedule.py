"""When each message is due, whatever became of those before it."""

from __future__ import annotations

from dataclasses import dataclass

NS_PER_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """Evenly spaced messages, numbered from `first`.

    A generator that waited for a slow server before it went on would never measure the wait
    (coordinated omission). So times count from `due_ns`, and nothing moves it.
    """

    first: int
    begin_ns: int
    rate: float
    lead_in_seconds: float
    seconds: float

    @property
    def end(self) -> int:
        """One past the last message."""
        return self.first + round(self.rate * (self.lead_in_seconds + self.seconds))

    @property
    def measured_from(self) -> int:
        return self.first + round(self.rate * self.lead_in_seconds)

    def due_ns(self, number: int) -> int:
        return self.begin_ns + round((number - self.first) * NS_PER_SECOND / self.rate)
