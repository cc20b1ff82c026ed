"""What a connection missed: which entries, whether they are few enough, and as which frames.

Pure: plans say what to read, and replays are made from what was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
        if have < from_seq and not any(key.startswith("user:") for key, _, _ in self.spans):
            # They were in it before, left, and joined again, and the replay of their own topic
            # does not say so: what they have does not lead on to what is theirs now.
            self.resyncs.append((key, max(here, from_seq)))
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


class Read:
    """What was read for many who come back, each entry worded once."""

    def __init__(self) -> None:
        self._entries: dict[str, list[Entry]] = {}
        self._pushes: dict[tuple[str, int], wire.Push] = {}

    def add(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._entries.setdefault(entry.topic, []).append(entry)

    def within(self, span: Span) -> list[Entry]:
        key, after, up_to = span
        return [entry for entry in self._entries.get(key, ()) if after < entry.seq <= up_to]

    def frames_for(self, user: str, span: Span) -> list[bytes] | None:
        """None when one of the entries cannot be worded: then there is no replay of that topic."""
        frames = []
        for entry in self.within(span):
            push = self._pushes.get((entry.topic, entry.seq)) or self._word(entry)
            if push is None:
                return None
            frames.append(push.for_user(user))
        return frames

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


def conversations_added(plan: Plan, read: Read, own_key: str) -> dict[str, int]:
    """Topics that one came to listen to while away, and the seq after which they begin.

    Where that cannot be read, one's own topic is not replayed: one's list, loaded anew, says it.
    """
    added: dict[str, int] = {}
    for span in [span for span in plan.spans if span[0] == own_key]:
        for entry in read.within(span):
            if entry.kind != "conversation_added" or entry.body is None:
                continue
            try:
                news = events.read_conversation_added(entry.body)
            except Exception:
                log.exception("entry_unreadable", topic=entry.topic, seq=entry.seq, kind=entry.kind)
                plan.spans.remove(span)
                plan.resyncs.append((own_key, span[2]))
                return {}
            added[conversation_topic(news.conversation.id)] = news.from_seq
    return added


def replay(plan: Plan, read: Read, user: str, *, bytes_max: int) -> Iterator[bytes]:
    """The frames of a plan. A topic comes whole or as `resync`, never in part."""
    for span in plan.spans:
        key, after, up_to = span
        frames = read.frames_for(user, span)
        size = sum(map(len, frames or ()))
        if frames is None or len(frames) < up_to - after or size > bytes_max:
            # One is unreadable, some are no longer kept, or there is no room for them.
            yield wire.resync(key, up_to)
        else:
            bytes_max -= size
            yield from frames
    for key, seq in plan.resyncs:
        yield wire.resync(key, seq)
