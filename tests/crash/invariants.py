"""Sent = acked = stored = received, each once, gap-free, in order; marks only forward; counts true.

Pure: evidence in, violations out, each with a kind that a control can ask for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from tests.crash.evidence import Ack, Evidence, Heard, HeardMessage, Stored, Write

Kind: TypeAlias = Literal[
    "unanswered",  # sent, and never acked
    "two answers",  # one write, two different acks
    "lost",  # acked, and not stored
    "altered",  # acked or heard as one thing, stored as another
    "doubled",  # sent once, stored twice
    "from nobody",  # stored, and nobody sent it
    "hole",  # a number missing in what is stored
    "out of turn",  # an author's later message before an earlier one
    "unheard",  # stored, and a member's device never heard it
    "heard twice",
    "heard out of order",
    "overheard",  # heard by who is no member, or was none yet
    "mark went back",
    "mark lost",  # acked, and the row is behind it
    "miscounted",  # a list's last number, mark or unread count differs from the rows
    "harness",  # the harness itself was too slow to judge
]


@dataclass(frozen=True, slots=True)
class Violation:
    kind: Kind
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


def violations(evidence: Evidence) -> list[Violation]:
    return [
        *_answers(evidence.writes),
        *_stored_once(evidence),
        *_numbers(evidence.stored),
        *_turns(evidence.writes),
        *_all_heard(evidence),
        *_marks(evidence),
        *_counts(evidence),
    ]


def _answers(writes: Iterable[Write]) -> Iterator[Violation]:
    for write in writes:
        if write.tries and not write.acks and not write.refusals:
            yield Violation("unanswered", f"{write.text!r} was sent {write.tries} times")
        if len(set(write.acks)) > 1 or (write.acks and write.refusals):
            answers = sorted(map(str, {*write.acks, *write.refusals}))
            yield Violation("two answers", f"{write.text!r} got {answers}")


def _stored_once(evidence: Evidence) -> Iterator[Violation]:
    rows: defaultdict[tuple[str, str], list[Stored]] = defaultdict(list)
    for row in evidence.stored:
        rows[row.author, row.text].append(row)
    for write in evidence.writes:
        found = rows.pop((write.author, write.text), [])
        places = ", ".join(f"{row.seq} of {row.conversation}" for row in found)
        if len(found) > 1:
            yield Violation("doubled", f"{write.text!r} is stored as {places}")
        for ack in dict.fromkeys(write.acks):
            if not found:
                yield Violation("lost", f"{write.text!r} was acked as {ack}, and is not stored")
            elif not any(_agree(ack, write, row) for row in found):
                yield Violation("altered", f"{write.text!r} was acked as {ack}, stored as {places}")
        if found and write.refusals:
            yield Violation("altered", f"{write.text!r} was refused, and is stored as {places}")
    for left in rows.values():
        for row in left:
            yield Violation("from nobody", f"{row.text!r} is {row.seq} of {row.conversation}")


def _agree(ack: Ack, write: Write, row: Stored) -> bool:
    if ack.conversation != row.conversation or write.is_note != row.is_note:
        return False
    return write.is_note or (ack.message, ack.seq) == (row.message, row.seq)


def _numbers(stored: Iterable[Stored]) -> Iterator[Violation]:
    seqs: defaultdict[str, list[int]] = defaultdict(list)
    for row in stored:
        seqs[row.conversation].append(row.seq)
    for conversation, found in seqs.items():
        missing = sorted(set(range(1, max(found) + 1)) - set(found))
        if missing:
            yield Violation("hole", f"{conversation} has no {missing}")


def _turns(writes: Iterable[Write]) -> Iterator[Violation]:
    """`writes` are in the order of their writing."""
    acked: defaultdict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for write in writes:
        if write.acks and not write.is_note:
            ack = write.acks[0]
            acked[write.writer, ack.conversation].append((ack.seq, write.text))
    for (writer, _), answers in acked.items():
        for (seq, text), (next_seq, next_text) in pairwise(answers):
            if next_seq <= seq:
                yield Violation(
                    "out of turn", f"{writer} wrote {text!r} as {seq}, {next_text!r} as {next_seq}"
                )


def _all_heard(evidence: Evidence) -> Iterator[Violation]:
    rows: defaultdict[str, dict[int, Stored]] = defaultdict(dict)
    for row in evidence.stored:
        rows[row.conversation][row.seq] = row
    joined = {(one.person, one.conversation): one.joined_seq for one in evidence.memberships}
    for heard in evidence.heard:
        if heard.dropped:
            yield Violation("harness", f"{heard.device} dropped {heard.dropped} pushes")
        by_conversation: defaultdict[str, list[HeardMessage]] = defaultdict(list)
        for message in heard.messages:
            by_conversation[message.conversation].append(message)
        for conversation, messages in by_conversation.items():
            yield from _in_order(heard, messages)
            after = joined.get((heard.person, conversation))
            for message in messages:
                if after is None or message.seq <= after:
                    yield Violation("overheard", f"{heard.device} heard {message}")
                elif not _same(message, rows[conversation].get(message.seq)):
                    stored = rows[conversation].get(message.seq)
                    yield Violation("altered", f"{heard.device} heard {message}, stored: {stored}")
        for (person, conversation), after in joined.items():
            if person == heard.person:
                has = {message.seq for message in by_conversation[conversation]}
                missing = sorted(
                    seq for seq in rows[conversation] if seq > after and seq not in has
                )
                if missing:
                    yield Violation("unheard", f"{heard.device} has no {missing} of {conversation}")


def _in_order(heard: Heard, messages: list[HeardMessage]) -> Iterator[Violation]:
    for message, times in Counter(one.message for one in messages).items():
        if times > 1:
            yield Violation("heard twice", f"{heard.device} heard {message} {times} times")
    for earlier, later in pairwise(messages):
        if later.seq < earlier.seq:
            words = f"{heard.device} heard {later.seq} after {earlier.seq} of {later.conversation}"
            yield Violation("heard out of order", words)


def _same(heard: HeardMessage, stored: Stored | None) -> bool:
    return stored is not None and (heard.message, heard.author, heard.text) == (
        stored.message,
        stored.author,
        stored.text,
    )


def _marks(evidence: Evidence) -> Iterator[Violation]:
    reached: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    last: defaultdict[tuple[str, str, str, str], int] = defaultdict(int)
    for mark in evidence.marks:
        key = (mark.marker, mark.conversation, mark.person, mark.kind)
        if mark.answered < max(mark.asked, last[key]):
            yield Violation("mark went back", f"{mark}, after {last[key]}")
        last[key] = max(last[key], mark.answered)
        whose = (mark.conversation, mark.person, mark.kind)
        reached[whose] = max(reached[whose], mark.answered)
    for heard in evidence.heard:
        told: dict[tuple[str, str, str], int] = {}
        for push in heard.marks:
            whose = (push.conversation, push.person, push.kind)
            if push.seq <= told.get(whose, 0):
                yield Violation(
                    "mark went back", f"{heard.device} heard {push} after {told[whose]}"
                )
            told[whose] = push.seq
            reached[whose] = max(reached[whose], push.seq)
    for row in evidence.memberships:
        for kind, seq in (("read", row.read_seq), ("delivered", row.delivered_seq)):
            if seq < reached[row.conversation, row.person, kind]:
                yield Violation(
                    "mark lost", f"{row}: {kind} was {reached[row.conversation, row.person, kind]}"
                )


def _counts(evidence: Evidence) -> Iterator[Violation]:
    rows: defaultdict[str, list[Stored]] = defaultdict(list)
    for row in evidence.stored:
        rows[row.conversation].append(row)
    memberships = {(one.person, one.conversation): one for one in evidence.memberships}
    for listed in evidence.listed:
        member = memberships.pop((listed.person, listed.conversation), None)
        if member is None:
            yield Violation("overheard", f"{listed} is listed for who is no member")
            continue
        messages = rows[listed.conversation]
        unread = sum(
            not row.is_note
            and row.author != listed.person
            and row.seq > max(member.read_seq, member.joined_seq)
            for row in messages
        )
        true = (max((row.seq for row in messages), default=0), member.read_seq, unread)
        if (listed.last_seq, listed.read_seq, listed.unread) != true:
            yield Violation("miscounted", f"{listed}, by the rows {true}")
    if evidence.listed:
        for person, conversation in memberships:
            yield Violation("miscounted", f"{conversation} is missing in the list of {person}")
