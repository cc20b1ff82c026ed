"""Closing the gaps that the bus leaves: what did not come is read from the journal.

Two loops. One reads gaps once they are older than a moment's patience, many topics in one
query. The other compares the tips of all live topics with the journal's every few seconds, in
slices, because the loss of a topic's last entry shows no gap.
"""

from __future__ import annotations

import structlog
import trio

from realtime.hub import Hub
from realtime.outages import survives
from realtime.reader import Reader, between_apart
from storage.journal import Entry, Span

PATIENCE_SECONDS = 0.05  # The bus usually closes a gap by itself.
LOOK_SECONDS = 0.02
SPANS_MAX = 500  # In one read.
READ_ENTRIES_MAX = 2_000  # Shared among them, so that a read stays small; the next round goes on.
SPAN_ENTRIES_MIN = 100  # However many share it: else a busy topic would never catch up.
TIPS_MAX = 5_000
COMPARE_SECONDS = 3.0  # All live topics are compared in this time, if they are up to 60,000.
COMPARE_PAUSE_SECONDS_MIN = 0.25

log = structlog.get_logger()


class Repair:
    def __init__(self, hub: Hub, reader: Reader) -> None:
        self._hub = hub
        self._reader = reader

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._close_gaps_for_ever)
            nursery.start_soon(self._compare_for_ever)

    async def _close_gaps_for_ever(self) -> None:
        hub = self._hub
        while True:
            await hub.attention.wait()
            await trio.sleep(LOOK_SECONDS)
            await survives("repair", self._look)
            if not hub.gaps and not hub.doubted:
                hub.attention = trio.Event()

    async def _look(self) -> None:
        await self._compare_doubted()
        await self._read_gaps()

    async def _compare_doubted(self) -> None:
        while self._hub.doubted:
            size = min(len(self._hub.doubted), TIPS_MAX)
            keys = [self._hub.doubted.pop() for _ in range(size)]
            seqs = {key: self._hub.topics[key].seq for key in keys}
            try:
                tips = await self._reader.tips(keys)
            except BaseException:
                self._hub.doubt(keys)
                raise
            for key, seq in seqs.items():
                self._compare(key, seq, tips.get(key, 0))

    def _compare(self, key: str, seq_before: int, tip: int) -> None:
        """`seq_before` is what was delivered here before the tip was read."""
        topic = self._hub.topics.get(key)
        if topic is None:
            return
        if tip > topic.seq:
            self._hub.expect(key, tip)
        elif tip < seq_before:
            # Say by a restore. The numbers will be given again, to other events.
            log.error("journal_went_back", topic=key, tip=tip, delivered=seq_before)
            self._hub.give_up(key)

    async def _read_gaps(self) -> None:
        spans = self._due_spans()
        if not spans:
            return
        firsts: dict[str, Entry] = {}
        entries = await between_apart(self._reader, spans)
        for entry in entries:
            firsts.setdefault(entry.topic, entry)
            self._hub.heard(entry)
        for key, after, _ in spans:
            topic = self._hub.topics.get(key)
            if topic is not None and topic.seq == after and _is_missing(after + 1, firsts.get(key)):
                log.error("journal_has_a_gap", topic=key, after=after)
                self._hub.give_up(key)

    def _due_spans(self) -> list[Span]:
        """The gaps whose patience has ended; those that have closed are forgotten."""
        hub, now = self._hub, trio.current_time()
        due: list[Span] = []
        for key, (since, highest) in list(hub.gaps.items()):
            topic = hub.topics.get(key)
            if topic is None or topic.seq >= highest:
                del hub.gaps[key]
            elif now - since >= PATIENCE_SECONDS and len(due) < SPANS_MAX:
                due.append((key, topic.seq, highest))
        share = max(SPAN_ENTRIES_MIN, READ_ENTRIES_MAX // max(1, len(due)))
        return [(key, after, min(highest, after + share)) for key, after, highest in due]

    async def _compare_for_ever(self) -> None:
        while True:
            keys = list(self._hub.topics)
            slices = range(0, len(keys), TIPS_MAX)
            pause = max(COMPARE_PAUSE_SECONDS_MIN, COMPARE_SECONDS / max(1, len(slices)))
            for at in slices:
                self._hub.doubt(keys[at : at + TIPS_MAX])
                await trio.sleep(pause)
            if not slices:
                await trio.sleep(pause)


def _is_missing(seq: int, first: Entry | None) -> bool:
    """Whether an entry that was numbered is no longer, or not, in the journal."""
    return first is None or first.seq > seq
