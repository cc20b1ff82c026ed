"""What a connection missed: which entries, whether they are few enough, and as which frames.

Pure: plans say what to read, and replays are made from what was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import structlog

from realtime import events, wire
from storage.journal import Entry, Span, conversation_topic

TOPIC_ENTRIES_MAX = 1_000
CONNECTION_ENTRIES_MAX = 2_000
REPLAY_BYTES_MAX = 512 * 1024  # Half of what may wait for a connection: live pushes follow.

log = structlog.get_logger()


@dataclass(slots=True)
class Plan:
    """What one connection is to be told before it hears live pushes."""

    spans: list[Span] = field(default_factory=list)
    resyncs: list[tuple[str, int]] = field(default_factory=list)
    leaps: dict[str, int] = field(default_factory=dict)
    """Topics of which they have less than they may hear, and the seq after which that begins."""
    entries: int = 0

    def add(self, key: str, *, have: int | None, from_seq: int, here: int) -> None:
        """Plan for one topic, whose live pushes will begin after `here`.

        `have` is the client's last seq, None if it starts at the tip; entries up to `from_seq`
        are not the client's.
        """
        if have is None:
            return
        if have > here:
            # It knows a future that this journal does not have, say after a restore.
            self.resyncs.append((key, here))
            return
        if have < from_seq:
            # They were in it before, left, and joined again.
            self.leaps[key] = from_seq
        after = max(have, from_seq)
        missed = here - after
        if missed <= 0:
            return
        if missed > TOPIC_ENTRIES_MAX or self.entries + missed > CONNECTION_ENTRIES_MAX:
            self.resyncs.append((key, here))
        else:
            self.entries += missed
            self.spans.append((key, after, here))

    def replace(self, span: Span) -> None:
        """Say `resync` instead."""
        self.spans.remove(span)
        self.resyncs.append((span[0], span[2]))

    def forbid_leaps(self, added: Mapping[str, int]) -> None:
        """What they have must lead on to what they are told, or there is no end to their gaps.

        `added` are the topics that the replay of their own one says they have joined, and from
        where on: there they begin anew.
        """
        for key, from_seq in self.leaps.items():
            if added.get(key) == from_seq:
                continue
            for span in [span for span in self.spans if span[0] == key]:
                self.replace(span)
            if all(key != resynced for resynced, _ in self.resyncs):
                self.resyncs.append((key, from_seq))


class Read:
    """What was read for many who come back, each entry worded once."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[int, Entry]] = {}
        self._pushes: dict[tuple[str, int], wire.Push] = {}

    def add(self, entries: Iterable[Entry]) -> None:
        """The same entry may come again, with what was read for somebody else."""
        for entry in entries:
            self._entries.setdefault(entry.topic, {})[entry.seq] = entry

    def within(self, span: Span) -> list[Entry]:
        key, after, up_to = span
        entries = self._entries.get(key, {})
        return [entries[seq] for seq in range(after + 1, up_to + 1) if seq in entries]

    def frames_for(self, user: str, span: Span, bytes_max: int) -> list[bytes] | None:
        """A topic comes whole or not at all: None when some entries are no longer kept, one cannot
        be worded, or there is no room for them.
        """
        frames = []
        for entry in self.within(span):
            push = self._pushes.get((entry.topic, entry.seq)) or self._word(entry)
            if push is None:
                return None
            frames.append(push.for_user(user))
        is_whole = len(frames) == span[2] - span[1] and sum(map(len, frames)) <= bytes_max
        return frames if is_whole else None

    def is_removed(self, user: str, span: Span) -> bool:
        """Whether they were removed from that conversation within the span."""
        return any(
            entry.kind == "member_removed"
            and entry.body is not None
            and str(events.read_member_removed(entry.body).user_id) == user
            for entry in self.within(span)
        )

    def _word(self, entry: Entry) -> wire.Push | None:
        try:
            push = self._pushes[entry.topic, entry.seq] = wire.push(entry)
        except Exception:
            log.exception("entry_unreadable", topic=entry.topic, seq=entry.seq, kind=entry.kind)
            return None
        return push


def union(spans: Iterable[Span]) -> list[Span]:
    """One span for each topic that anybody missed something of."""
    wanted: dict[str, tuple[int, int]] = {}
    for key, after, up_to in spans:
        low, high = wanted.get(key, (after, up_to))
        wanted[key] = min(low, after), max(high, up_to)
    return [(key, low, high) for key, (low, high) in wanted.items()]


def conversations_added(plan: Plan, read: Read, user: str, *, bytes_max: int) -> dict[str, int]:
    """Topics that one came to listen to while away, and the seq after which they begin.

    Where one's own topic cannot be replayed, nothing of it is: one's list, loaded anew, says all.
    """
    added: dict[str, int] = {}
    for span in [span for span in plan.spans if span[0] == f"user:{user}"]:
        if read.frames_for(user, span, bytes_max) is None:
            plan.replace(span)
            return {}
        for entry in read.within(span):
            if entry.kind != "conversation_added" or entry.body is None:
                continue
            try:
                news = events.read_conversation_added(entry.body)
            except Exception:
                log.exception("entry_unreadable", topic=entry.topic, seq=entry.seq, kind=entry.kind)
                plan.replace(span)
                return {}
            added[conversation_topic(news.conversation.id)] = news.from_seq
    return added


def replay(plan: Plan, read: Read, user: str, *, bytes_max: int) -> Iterator[bytes]:
    """The frames of a plan, one's own topic first. A topic comes whole or as `resync`."""
    own_key = f"user:{user}"
    for key, seq in plan.resyncs:
        if key == own_key:
            yield wire.resync(key, seq)
    for span in plan.spans:
        frames = read.frames_for(user, span, bytes_max)
        if frames is None:
            yield wire.resync(span[0], span[2])
        else:
            bytes_max -= sum(map(len, frames))
            yield from frames
    for key, seq in plan.resyncs:
        if key != own_key:
            yield wire.resync(key, seq)
