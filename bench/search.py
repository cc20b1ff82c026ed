"""The highest rate that passes: up by a factor until one fails, then between the two.

While none has passed it goes down, twice as fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

TRIES_MAX = 2
"""A machine has bad moments of its own: a rate has failed when it fails as often as this."""


@dataclass
class Search:
    """Ask `next_rate`, try it, `tell`; until it is None.

    `first` is tried first, `best` is what is known to pass already.
    `steps_max` bounds the tries in all; `precision` is how near (as a factor) is near enough.
    """

    first: float
    factor: float
    precision: float
    steps_max: int
    best: float | None = None
    worst: float | None = None
    """The lowest rate that failed."""
    steps: int = 0
    repeats: list[float] = field(default_factory=list)
    """Rates that were tried once more."""
    _failures: int = 0
    _current: float | None = None

    def next_rate(self) -> float | None:
        if self.steps >= self.steps_max:
            return None
        if self._failures == 0:
            self._current = self._choose()
        return self._current

    def tell(self, passed: bool) -> None:
        assert self._current is not None, "only about a rate that was asked for"
        self.steps += 1
        if passed:
            self.best, self._failures = self._current, 0
        elif self._failures + 1 < TRIES_MAX:
            self._failures += 1
            self.repeats.append(self._current)
        else:
            self.worst, self._failures = self._current, 0

    def _choose(self) -> float | None:
        if self.worst is None:
            return self.first if self.steps == 0 else _round((self.best or 0) * self.factor)
        if self.best is None:
            return _round(self.worst / self.factor**2)
        middle = _round(sqrt(self.best * self.worst))
        near_enough = self.worst <= self.best * self.precision
        return None if near_enough or not self.best < middle < self.worst else middle


def _round(rate: float) -> float:
    """To two figures and a half: 1,850 and 12,500, never 1,873."""
    unit = 50 if rate < 10_000 else 500
    return float(max(unit, round(rate / unit) * unit))
