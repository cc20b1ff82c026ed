"""What a connection missed: which entries, whether they are few enough, and as which frames.

Pure: plans say what to read, and replays are made from what was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from realtime import wire
from storage.journal import Entry, Span

TOPIC_ENTRIES_MAX = 1_000
CONNECTION_ENTRIES_MAX = 10_000
REPLAY_BYTES_MAX = 512 * 1024  # Half of what may wait for a connection: live pushes follow.

Read: TypeAlias = Mapping[str, Sequence[tuple[int, wire.Push]]]
"""Topic → its entries as (seq, push), ascending."""


@dataclass(slots=True)
class Plan:
    """What one connection is to be told before it hears live pushes."""

    spans: list[Span] = field(default_factory=list)
    resyncs: list[tuple[str, int]] = field(default_factory=list)
    entries: int = 0

    def add(self, key: str, *, have: int | None, from_seq: int, here: int, tip: int) -> None:
        """Plan for one topic, whose live pushes will begin after `here`.

        `have` is the client's last seq, None if it starts at the tip; entries up to `from_seq`
        are not the client's; `tip` is the journal's, which `here` may lag behind or have passed.
        """
        if have is None:
            return
        if have > max(here, tip):
            # It knows a future that this journal does not have, say after a restore.
            self.resyncs.append((key, here))
            return
        after = max(have, from_seq)
        missed = here - after
        if missed <= 0:
            return
        if missed > TOPIC_ENTRIES_MAX or self.entries + missed > CONNECTION_ENTRIES_MAX:
            self.resyncs.append((key, here))
        else:
            self.entries += missed
            self.spans.append((key, after, here))


def union(plans: Iterable[Plan]) -> list[Span]:
    """One span for each topic that anybody missed something of."""
    wanted: dict[str, tuple[int, int]] = {}
    for plan in plans:
        for key, after, up_to in plan.spans:
            low, high = wanted.get(key, (after, up_to))
            wanted[key] = min(low, after), max(high, up_to)
    return [(key, low, high) for key, (low, high) in wanted.items()]


def pushes(entries: Iterable[Entry]) -> Read:
    read: dict[str, list[tuple[int, wire.Push]]] = {}
    for entry in entries:
        read.setdefault(entry.topic, []).append((entry.seq, wire.push(entry)))
    return read


def replay(plan: Plan, read: Read, user: str, *, bytes_max: int) -> Iterator[bytes]:
    """The frames of a plan. A topic comes whole or as `resync`, never in part."""
    for key, seq in plan.resyncs:
        yield wire.resync(key, seq)
    for key, after, up_to in plan.spans:
        frames = [push.for_user(user) for seq, push in read.get(key, ()) if after < seq <= up_to]
        size = sum(map(len, frames))
        if len(frames) < up_to - after or size > bytes_max:
            # Some are no longer kept, or there is no room for them.
            yield wire.resync(key, up_to)
        else:
            bytes_max -= size
            yield from frames
