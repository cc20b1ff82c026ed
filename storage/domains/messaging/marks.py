"""How far each member has received and read a conversation.

A mark is one number: that of the last message received or seen. It only moves forward. The
devices of one reader report in any order, and a slow phone must not turn read messages
unread again. What is read is also delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, TypeVar

import msgspec

from storage.action import action
from storage.actor import Actor
from storage.clock import utc_now
from storage.database import Record, Transaction
from storage.domains.messaging.conversations import ACROSS_A_BLOCK, MEMBERS_SHOWN_MAX, UNREAD_COUNT
from storage.errors import InvalidInput, NotFound, Refusal
from storage.ids import ConversationId, UserId
from storage.journal import conversation_topic, emit, user_topic
from storage.words import Words

TOLD_MEMBERS_MAX = MEMBERS_SHOWN_MAX
"""Up to this many members all hear of a mark; in larger ones, and where one of two has blocked the
other, only the reader's own devices."""

MarkSeq = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


class Mark(Words):
    conversation_id: ConversationId
    seq: MarkSeq


class MarkDelivered(Mark):
    pass


class MarkRead(Mark):
    pass


class DeliveredMark(Words):
    delivered_seq: int


class ReadMark(Words):
    read_seq: int
    unread_count: int


class MarkMoved(Words):
    conversation_id: ConversationId
    user_id: UserId
    seq: int
    at: datetime


class MessagesDelivered(MarkMoved):
    kind: ClassVar[str] = "messages_delivered"


class MessagesRead(MarkMoved):
    kind: ClassVar[str] = "messages_read"


Moved = TypeVar("Moved", DeliveredMark, ReadMark)


@dataclass(slots=True)
class _Marks:
    """One member's marks: as found under the lock, then moved on."""

    row: Record
    read_seq: int
    delivered_seq: int


async def mark_read_many(
    tx: Transaction, asked: Sequence[tuple[Actor, MarkRead]]
) -> Sequence[ReadMark | Refusal]:
    """Move each reader's mark; the answers stand in the order asked."""

    def move(marks: _Marks, seq: int) -> None:
        marks.read_seq = max(marks.read_seq, seq)
        marks.delivered_seq = max(marks.delivered_seq, seq)

    refusals, marks = await _move(tx, asked, move)
    counts = await tx.rows(
        COUNT_UNREAD, [user_id for _, user_id in marks], [place for place, _ in marks]
    )
    unread = {(row["conversation_id"], row["user_id"]): row["unread_count"] for row in counts}
    return [
        refusals[place]
        if place in refusals
        else ReadMark(read_seq=marks[key].read_seq, unread_count=unread[key])
        for place, key in enumerate(_keys(asked))
    ]


async def mark_delivered_many(
    tx: Transaction, asked: Sequence[tuple[Actor, MarkDelivered]]
) -> Sequence[DeliveredMark | Refusal]:
    """Move each receiver's mark; the answers stand in the order asked."""

    def move(marks: _Marks, seq: int) -> None:
        marks.delivered_seq = max(marks.delivered_seq, seq)

    refusals, marks = await _move(tx, asked, move)
    return [
        refusals[place]
        if place in refusals
        else DeliveredMark(delivered_seq=marks[key].delivered_seq)
        for place, key in enumerate(_keys(asked))
    ]


@action(many=mark_read_many)
async def mark_read(tx: Transaction, reader: Actor, command: MarkRead) -> ReadMark:
    """Say how far one has read. An older mark, or the same again, changes nothing."""
    return _only(await mark_read_many(tx, [(reader, command)]))


@action(many=mark_delivered_many)
async def mark_delivered(tx: Transaction, receiver: Actor, command: MarkDelivered) -> DeliveredMark:
    """Say how far one has received. An older mark, or the same again, changes nothing."""
    return _only(await mark_delivered_many(tx, [(receiver, command)]))


def _only(answers: Sequence[Moved | Refusal]) -> Moved:
    [answer] = answers
    if isinstance(answer, Refusal):
        raise answer
    return answer


def _keys(asked: Sequence[tuple[Actor, Mark]]) -> list[tuple[ConversationId, UserId]]:
    return [(command.conversation_id, actor.user_id) for actor, command in asked]


async def _move(
    tx: Transaction,
    asked: Sequence[tuple[Actor, Mark]],
    move: Callable[[_Marks, int], None],
) -> tuple[dict[int, Refusal], dict[tuple[ConversationId, UserId], _Marks]]:
    """Lock the members' rows, move their marks, and tell whom it concerns."""
    keys = sorted(set(_keys(asked)))
    rows = await tx.rows(LOCK, [key[0] for key in keys], [key[1] for key in keys])
    marks = {
        (row["conversation_id"], row["user_id"]): _Marks(row, row["read_seq"], row["delivered_seq"])
        for row in rows
    }
    refusals: dict[int, Refusal] = {}
    for place, (actor, command) in enumerate(asked):
        found = marks.get((command.conversation_id, actor.user_id))
        if found is None:
            # A stranger and a missing conversation get one answer: ids cannot be probed.
            refusals[place] = NotFound("conversation")
        elif command.seq > found.row["last_seq"]:
            refusals[place] = InvalidInput("seq", "no such message")
        else:
            move(found, command.seq)
    await _store(tx, [found for found in marks.values() if _moved(found)])
    return refusals, marks


def _moved(marks: _Marks) -> bool:
    assert marks.read_seq <= marks.delivered_seq, marks
    return (marks.read_seq, marks.delivered_seq) != (
        marks.row["read_seq"],
        marks.row["delivered_seq"],
    )


async def _store(tx: Transaction, moved: Sequence[_Marks]) -> None:
    if not moved:
        return
    now = utc_now()
    await tx.run(
        MOVE,
        [marks.row["conversation_id"] for marks in moved],
        [marks.row["user_id"] for marks in moved],
        [marks.read_seq for marks in moved],
        [marks.delivered_seq for marks in moved],
        now,
    )
    for marks in moved:
        _tell(tx, marks, now)


def _tell(tx: Transaction, marks: _Marks, now: datetime) -> None:
    conversation_id, user_id = marks.row["conversation_id"], marks.row["user_id"]
    private = marks.row["members_count"] > TOLD_MEMBERS_MAX or marks.row["across_a_block"]
    topic = user_topic(user_id) if private else conversation_topic(conversation_id)
    read = marks.read_seq > marks.row["read_seq"]
    event_type = MessagesRead if read else MessagesDelivered
    seq = marks.read_seq if read else marks.delivered_seq
    moved = event_type(conversation_id=conversation_id, user_id=user_id, seq=seq, at=now)
    emit(tx, topic, moved)


# Each reader locks only their own row: two readers never wait for each other. The count stops
# once it is known that the conversation is a crowd.
LOCK = f"""
    SELECT member.conversation_id, member.user_id, member.read_seq, member.delivered_seq,
           conversation.last_seq,
           {ACROSS_A_BLOCK} AS across_a_block,
           (SELECT count(*) FROM (
              SELECT FROM members AS anyone
               WHERE anyone.conversation_id = member.conversation_id
               LIMIT {TOLD_MEMBERS_MAX + 1}) AS first_of_them) AS members_count
      FROM unnest($1::uuid[], $2::uuid[]) AS asked (conversation_id, user_id)
      JOIN members AS member USING (conversation_id, user_id)
      JOIN conversations AS conversation ON conversation.id = member.conversation_id
     ORDER BY member.conversation_id, member.user_id
       FOR NO KEY UPDATE OF member
"""  # noqa: S608  # The inserted text is our own.

MOVE = """
    UPDATE members AS member
       SET read_seq = mark.read_seq, delivered_seq = mark.delivered_seq,
           read_at = CASE WHEN mark.read_seq > member.read_seq THEN $5 ELSE read_at END,
           delivered_at = CASE WHEN mark.delivered_seq > member.delivered_seq THEN $5
                               ELSE delivered_at END
      FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])
           AS mark (conversation_id, user_id, read_seq, delivered_seq)
     WHERE member.conversation_id = mark.conversation_id AND member.user_id = mark.user_id
"""

COUNT_UNREAD = f"""
    SELECT member.conversation_id, member.user_id, {UNREAD_COUNT} AS unread_count
      FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, conversation_id)
      JOIN members AS member USING (conversation_id, user_id)
"""  # noqa: S608  # The inserted text is a constant.
