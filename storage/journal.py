"""What has happened, numbered per topic and written in the transaction that made it happen.

So an entry exists exactly when its cause was committed, and `(topic, seq)` names it for ever:
whoever fell behind, client or process, asks for what came after the last seq it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias

from storage.database import Transaction
from storage.ids import ConversationId, UserId
from storage.words import encode_json

Span: TypeAlias = tuple[str, int, int]
"""A topic, and the seqs after the first number up to and with the second."""


class Event(Protocol):
    """A Words that says which kind of event it is."""

    kind: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Entry:
    topic: str
    seq: int
    kind: str
    body: bytes | None
    """The event's JSON. None when it was too large to travel: it stands in the journal."""


def user_topic(user_id: UserId) -> str:
    return f"user:{user_id}"


def conversation_topic(conversation_id: ConversationId) -> str:
    return f"conversation:{conversation_id}"


def emit(tx: Transaction, topic: str, event: Event) -> None:
    """Say that `event` happened. The gate numbers and writes it as the transaction closes."""
    tx.emitted.append((topic, event))


async def write(tx: Transaction) -> list[Entry]:
    """Number what was emitted and append it: the last thing before the commit.

    Topics are locked in one order, so two transactions cannot wait for each other, and stay
    locked until the commit, so no reader sees a gap that is filled later.
    """
    if not tx.emitted:
        return []
    counts: dict[str, int] = {}
    places = []
    for topic, _ in tx.emitted:
        places.append(counts.get(topic, 0))
        counts[topic] = places[-1] + 1
    kinds = [_kind_of(event) for _, event in tx.emitted]
    bodies = [encode_json(event) for _, event in tx.emitted]
    topics = sorted(counts)
    rows = await tx.rows(
        APPEND,
        topics,
        [counts[topic] for topic in topics],
        [topic for topic, _ in tx.emitted],
        [counts[topic] - 1 - place for (topic, _), place in zip(tx.emitted, places, strict=True)],
        kinds,
        [body.decode() for body in bodies],
    )
    firsts = {row["topic"]: row["last_seq"] - counts[row["topic"]] + 1 for row in rows}
    return [
        Entry(topic, firsts[topic] + place, kind, body)
        for (topic, _), place, kind, body in zip(tx.emitted, places, kinds, bodies, strict=True)
    ]


async def tips(tx: Transaction, topics: Iterable[str]) -> dict[str, int]:
    """The last seq of each topic; a topic in which nothing has happened yet is absent."""
    rows = await tx.rows(FIND_TIPS, list(topics))
    return {row["topic"]: row["last_seq"] for row in rows}


async def tip(tx: Transaction, topic: str) -> int:
    """The last seq of one topic, 0 before anything has happened."""
    return (await tips(tx, [topic])).get(topic, 0)


async def between(tx: Transaction, spans: Sequence[Span]) -> list[Entry]:
    """What stands in the given spans, each in order. What was forgotten is simply not there."""
    topics, afters, up_tos = zip(*spans, strict=True) if spans else ((), (), ())
    rows = await tx.rows(READ_SPANS, list(topics), list(afters), list(up_tos))
    return [Entry(row["topic"], row["seq"], row["kind"], row["body"].encode()) for row in rows]


def _kind_of(event: Any) -> str:
    kind: str = event.kind
    return kind


# `behind`: how many of the same topic follow in the same transaction.
APPEND = """
    WITH taken AS (
        INSERT INTO topics (topic, last_seq)
        SELECT topic, amount FROM unnest($1::text[], $2::bigint[]) AS asked (topic, amount)
         ORDER BY topic COLLATE "C"
            ON CONFLICT (topic) DO UPDATE SET last_seq = topics.last_seq + EXCLUDED.last_seq
        RETURNING topic, last_seq),
    appended AS (
        INSERT INTO journal (topic, seq, kind, body)
        SELECT topic, last_seq - behind, kind, body
          FROM unnest($3::text[], $4::bigint[], $5::text[], $6::json[])
               AS emitted (topic, behind, kind, body)
          JOIN taken USING (topic))
    SELECT topic, last_seq FROM taken
"""

FIND_TIPS = "SELECT topic, last_seq FROM topics WHERE topic = ANY ($1::text[])"

READ_SPANS = """
    SELECT entry.topic, entry.seq, entry.kind, entry.body
      FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS span (topic, after, up_to)
      JOIN LATERAL (
           SELECT * FROM journal
            WHERE journal.topic = span.topic AND seq > span.after AND seq <= span.up_to
           ) AS entry ON true
     ORDER BY entry.topic, entry.seq
"""
