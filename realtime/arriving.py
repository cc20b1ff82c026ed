"""Those who arrive: what is known of each, and how they are worked on together but fail alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from realtime.client import Client
from realtime.disconnects import INTERNAL_ERROR
from realtime.resume import Plan
from storage.actor import Actor

READ_ENTRIES_MAX = 2_000  # In one read, unless one connection alone missed more.

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Arrival:
    """A connection between its `connect` and its `caught_up`."""

    client: Client
    request_id: int
    actor: Actor
    have: dict[str, int]
    plan: Plan = field(default_factory=Plan)
    tips: dict[str, int] = field(default_factory=dict)
    tries: int = 0


@dataclass(slots=True, eq=False)
class Joining:
    """A connection that listens to one more topic, and missed something of it already."""

    client: Client
    plan: Plan
    place: int
    """Where in what the client holds the replay belongs: behind the news that one is in."""


Item = TypeVar("Item", Arrival, Arrival | Joining)


async def apart(
    work: Callable[[Sequence[Item]], Awaitable[list[Item]]], items: Sequence[Item]
) -> list[Item]:
    """Work on all of them together; if that fails, on each alone, and end those who fail alone."""
    if not items:
        return []
    try:
        return await work(items)
    except Exception as error:
        if len(items) == 1:
            _end(items[0], error)
            return []
        log.warning("arrivals_split", connections=len(items), error=repr(error))
    return [well for item in items for well in await apart(work, [item])]


def goes_well(item: Arrival | Joining, step: Callable[..., bool], *values: object) -> bool:
    """Take one step for one connection. What it breaks there is the end of that one alone."""
    try:
        return step(*values)
    except Exception as error:
        _end(item, error)
        return False


def _end(item: Arrival | Joining, error: Exception) -> None:
    log.error("arrival_failed", address=item.client.address, exc_info=error)
    item.client.connection.close(INTERNAL_ERROR)


def slices(items: Sequence[Arrival | Joining]) -> list[list[Arrival | Joining]]:
    """Cut so that no read grows with the number of those who come back."""
    cut: list[list[Arrival | Joining]] = []
    entries = 0
    for item in items:
        entries += item.plan.entries
        if not cut or entries > READ_ENTRIES_MAX:
            cut.append([])
            entries = item.plan.entries
        cut[-1].append(item)
    return cut
