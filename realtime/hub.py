"""Who listens here, and in which order they hear it.

Every topic is delivered in order and without gaps, whatever the bus loses, doubles or
reorders: what comes early is kept for a moment, and what does not come is read from the
journal (`realtime.repair`). Nothing here waits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import structlog
import trio

from realtime import wire
from realtime.topic import Listener, Topic
from storage.journal import Entry

EARLY_ENTRIES_MAX = 256  # Of one topic; what is beyond is read from the journal instead.
EARLY_ENTRIES_TOTAL_MAX = 50_000
UNHEARD_TOPICS_MAX = 100_000

log = structlog.get_logger()


def no_reaction(topic: Topic, entry: Entry) -> None:
    """Deliver, and nothing else."""


class Hub:
    def __init__(self) -> None:
        self.reaction: Callable[[Topic, Entry], None] = no_reaction
        """Called after each delivery, in the topic's order."""
        self.topics: dict[str, Topic] = {}
        self.gaps: dict[str, tuple[float, int]] = {}
        """Topic → since when something is missing, and up to which seq."""
        self.doubted: set[str] = set()
        """Topics whose tip must be compared with the journal's."""
        self.attention = trio.Event()
        """Set while there is a gap or a doubt."""
        self.early_entries = 0
        self._loading = 0
        self._unheard: dict[str, int] = {}
        self._unheard_is_partial = False

    # ---- who listens

    def loading_starts(self) -> None:
        """From here on remember what is heard of topics nobody listens to yet.

        Whoever reads tips from the database and subscribes afterwards calls this first;
        otherwise what is heard in between would be missed until the next comparison.
        """
        self._loading += 1

    def loading_ends(self) -> None:
        self._loading -= 1
        assert self._loading >= 0
        if not self._loading:
            self._unheard.clear()
            self._unheard_is_partial = False

    def subscribe(self, listener: Listener, key: str, tip: int) -> Topic:
        """Listen from the topic's seq here on, which is `tip` if nobody listened before.

        What lies before it is the caller's to replay.
        """
        [topic] = self.subscribe_all(listener, [(key, tip)])
        return topic

    def subscribe_all(self, listener: Listener, tips: Iterable[tuple[str, int]]) -> list[Topic]:
        """`subscribe` to many topics, each with its tip."""
        topics = [self._live_topic(key, tip) for key, tip in tips]
        listener.topics += tuple([topic for topic in topics if topic.add(listener)])
        return topics

    def _live_topic(self, key: str, tip: int) -> Topic:
        topic = self.topics.get(key)
        if topic is None:
            topic = self.topics[key] = Topic(key, tip)
            tip = max(tip, self._unheard.get(key, 0))
            if self._unheard_is_partial:
                self.doubt([key])
        if tip > topic.seq:
            self.expect(key, tip)
        return topic

    def heard_up_to(self, key: str) -> int:
        """The topic's last seq that this process knows of by hearing alone; 0 of most."""
        topic = self.topics.get(key)
        return topic.seq if topic is not None else self._unheard.get(key, 0)

    def delay(self, listener: Listener, topic: Topic, after_seq: int) -> None:
        """Let `listener` hear nothing of the topic up to `after_seq`: that is not theirs."""
        if after_seq > topic.seq:
            topic.late = topic.late if topic.late is not None else {}
            topic.late[listener] = after_seq

    def unsubscribe(self, listener: Listener, topic: Topic) -> None:
        listener.topics = tuple(other for other in listener.topics if other is not topic)
        self._leave(listener, topic)

    def forget(self, listener: Listener) -> None:
        """Leave all topics; nothing of the listener stays behind."""
        topics, listener.topics = listener.topics, ()
        for topic in topics:
            self._leave(listener, topic)

    def _leave(self, listener: Listener, topic: Topic) -> None:
        topic.remove(listener)
        if not topic.listeners and self.topics.get(topic.key) is topic:
            self._drop(topic)

    def _drop(self, topic: Topic) -> None:
        del self.topics[topic.key]
        self.gaps.pop(topic.key, None)
        self.doubted.discard(topic.key)
        self._forget_early(topic)
        self._note_unheard(topic.key, topic.seq)

    # ---- what is heard

    def heard(self, entry: Entry) -> None:
        """Deliver an entry if it is the next, keep it if it is early, drop it if it is known."""
        topic = self.topics.get(entry.topic)
        if topic is None:
            self._note_unheard(entry.topic, entry.seq)
        elif entry.seq == topic.seq + 1 and entry.body is not None:
            self._deliver(topic, entry)
            self._deliver_early(topic)
            self._note_closed(topic)
        elif entry.seq > topic.seq:
            self._keep_early(topic, entry)
            # What has no body stands in the journal, and will not come by itself.
            self.expect(topic.key, entry.seq, at_once=entry.body is None)

    def whispered(self, key: str, frame: bytes, *, author: str | None = None) -> None:
        """Deliver what has no number, to all but its author."""
        topic = self.topics.get(key)
        if topic is not None:
            for listener in tuple(topic.listeners):
                if listener.user != author:
                    listener.hear(frame)

    def expect(self, key: str, seq: int, *, at_once: bool = False) -> None:
        """Remember that everything up to `seq` ought to arrive here, by the bus or `at_once`."""
        since, highest = self.gaps.get(key, (trio.current_time(), 0))
        self.gaps[key] = -math.inf if at_once else since, max(seq, highest)
        self.attention.set()

    def doubt(self, keys: Iterable[str]) -> None:
        """Compare these topics with the journal soon, as far as somebody listens to them."""
        self.doubted.update(key for key in keys if key in self.topics)
        self.attention.set()

    def lost(self) -> None:
        """The bus may have missed anything, also of topics that somebody is about to listen to."""
        self.doubt(self.topics)
        self._unheard_is_partial = self._loading > 0

    def give_up(self, key: str) -> None:
        """The journal cannot close the gap: all who listen come back and load anew."""
        topic = self.topics.get(key)
        if topic is not None:
            for listener in tuple(topic.listeners):
                listener.fall_behind()
                self.forget(listener)
            self._unheard.pop(key, None)

    def _deliver(self, topic: Topic, entry: Entry) -> None:
        topic.seq = entry.seq
        push = _worded(entry)
        for listener in tuple(topic.listeners):
            if topic.is_for(listener, entry.seq):
                listener.hear(push.for_user(listener.user))
        self._react(topic, entry)
        if topic.late is not None and max(topic.late.values(), default=0) <= entry.seq:
            topic.late = None

    def _react(self, topic: Topic, entry: Entry) -> None:
        try:
            self.reaction(topic, entry)
        except Exception:
            # What was to follow from it is not known here: they come back, and the database says.
            log.exception("reaction_failed", topic=entry.topic, seq=entry.seq, kind=entry.kind)
            self.give_up(topic.key)

    def _deliver_early(self, topic: Topic) -> None:
        while topic.early:
            entry = topic.early.pop(topic.seq + 1, None)
            if entry is None:
                return
            self.early_entries -= 1
            self._deliver(topic, entry)
        topic.early = None

    def _keep_early(self, topic: Topic, entry: Entry) -> None:
        early = topic.early if topic.early is not None else {}
        if (
            entry.body is not None
            and entry.seq not in early
            and len(early) < EARLY_ENTRIES_MAX
            and self.early_entries < EARLY_ENTRIES_TOTAL_MAX
        ):
            early[entry.seq] = entry
            topic.early = early
            self.early_entries += 1

    def _forget_early(self, topic: Topic) -> None:
        self.early_entries -= len(topic.early or ())
        topic.early = None

    def _note_closed(self, topic: Topic) -> None:
        """A gap that closed by itself must not lend its age to the next one."""
        gap = self.gaps.get(topic.key)
        if gap is not None and gap[1] <= topic.seq:
            del self.gaps[topic.key]

    def _note_unheard(self, key: str, seq: int) -> None:
        if not self._loading or seq <= self._unheard.get(key, 0):
            return
        if len(self._unheard) < UNHEARD_TOPICS_MAX or key in self._unheard:
            self._unheard[key] = seq
        else:
            self._unheard_is_partial = True


def _worded(entry: Entry) -> wire.Push:
    """As a push; where that cannot be, as the advice to load the topic anew."""
    try:
        return wire.push(entry)
    except Exception:
        log.exception("entry_unreadable", topic=entry.topic, seq=entry.seq, kind=entry.kind)
        return wire.Push(wire.resync(entry.topic, entry.seq))
