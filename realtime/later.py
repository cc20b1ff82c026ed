"""What is due a fixed time after it was asked for: one task and one queue for all of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class Later(Generic[T]):
    """Calls `due(item)` `delay_seconds` after each `add(item)`, in order, synchronously."""

    def __init__(self, delay_seconds: float, due: Callable[[T], None]) -> None:
        self._delay_seconds = delay_seconds
        self._due = due
        self._items: deque[tuple[float, T]] = deque()
        self._added = trio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: T) -> None:
        self._items.append((trio.current_time() + self._delay_seconds, item))
        self._added.set()

    async def run(self) -> None:
        while True:
            await self._added.wait()
            while self._items:
                at, item = self._items[0]
                if at > trio.current_time():
                    await trio.sleep_until(at)
                    continue
                self._items.popleft()
                self._due(item)
            self._added = trio.Event()
