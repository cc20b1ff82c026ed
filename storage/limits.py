"""How often somebody may ask: sliding windows, counted before any work is done.

A window is two numbers for each key, so a hundred thousand people cost a few megabytes. The
count of the minute that is passing is that of this minute plus the fitting share of the one
before: nobody gets twice the limit by asking around the turn of the minute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from storage.errors import TooManyRequests

RouteClass: TypeAlias = Literal["socket", "get", "post", "auth", "upload"]

WINDOW_SECONDS = 60.0
KEYS_MAX = 200_000

PERSON_LIMIT = 1000
CONNECT_LIMIT = 60
CLASS_LIMITS: dict[RouteClass, int] = {"get": 100, "post": 30, "auth": 5, "upload": 10}


def connect_key(user: str) -> str:
    """What CONNECT_LIMIT is counted under; `user` is their id."""
    return f"connect {user}"


@dataclass(slots=True)
class _Count:
    window: int
    now: int
    before: int


class Limits:
    """Counters of one process. `scale` multiplies every limit; `seconds_now` tells the time."""

    def __init__(self, scale: float, seconds_now: Callable[[], float]) -> None:
        self._scale = scale
        self._seconds_now = seconds_now
        self._counts: dict[str, _Count] = {}
        self._swept_window = 0

    def count(self, key: str, limit_per_minute: int) -> None:
        """Count one request under `key`. Raises TooManyRequests, and then does not count it."""
        limit = max(1.0, limit_per_minute * self._scale)
        window, into = divmod(self._seconds_now(), WINDOW_SECONDS)
        count = self._current(key, int(window))
        share_left = 1 - into / WINDOW_SECONDS
        weight = count.before * share_left + count.now
        if weight + 1 > limit:
            raise TooManyRequests(
                "requests",
                f"at most {limit:g} a minute",
                retry_after_seconds=_wait_seconds(count, limit, into),
            )
        count.now += 1

    def give_back(self, key: str) -> None:
        """Uncount the last request under `key`: nothing came of it, and that was our fault."""
        count = self._counts.get(key)
        if count is not None and count.now:
            count.now -= 1

    def _current(self, key: str, window: int) -> _Count:
        self._sweep(window)
        count = self._counts.get(key)
        if count is None:
            if len(self._counts) >= KEYS_MAX:
                # Memory stays flat under a flood of keys. Whoever has not asked for the most
                # minutes goes first: keys stand in the order of the minute they last asked in.
                del self._counts[next(iter(self._counts))]
            count = self._counts[key] = _Count(window, 0, 0)
        elif count.window != window:
            count.before = count.now if count.window == window - 1 else 0
            count.window, count.now = window, 0
            self._counts[key] = self._counts.pop(key)
        return count

    def _sweep(self, window: int) -> None:
        if window == self._swept_window:
            return
        self._swept_window = window
        self._counts = {
            key: count for key, count in self._counts.items() if count.window >= window - 1
        }


def _wait_seconds(count: _Count, limit: float, into_seconds: float) -> float:
    """Until the weight has sunk far enough for one more."""
    room = limit - 1 - count.now
    if count.before > 0 and room >= 0:
        share_wanted = room / count.before
        return max(0.001, (1 - share_wanted) * WINDOW_SECONDS - into_seconds)
    # This window is full by itself: once it is the one before, its share must sink.
    share_wanted = min(1.0, (limit - 1) / max(count.now, 1))
    return (WINDOW_SECONDS - into_seconds) + (1 - share_wanted) * WINDOW_SECONDS
