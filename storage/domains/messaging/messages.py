"""What a message is: its number in its conversation, its text, and what it says of itself.

Every message of a conversation is written by `append`, under the lock of the conversation's
row, so its numbers have no gaps and its history never changes behind a reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Literal, TypeAlias
from uuid import UUID

import msgspec

from storage.clock import utc_now
from storage.database import Record, Transaction
from storage.domains.identity import UserSummary, summaries_of
from storage.ids import ConversationId, MessageId, UserId, new_id
from storage.journal import conversation_topic, emit
from storage.words import NO_NUL, Words, encode_text

MESSAGE_CHARACTERS_MAX = 4000

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MESSAGE_CHARACTERS_MAX, pattern=NO_NUL)]
MessageKind: TypeAlias = Literal["text", "note"]
NoteType: TypeAlias = Literal[
    "created", "added", "removed", "left", "renamed", "promoted", "demoted"
]


class Note(Words):
    """What happened in a group, told among its messages."""

    type: NoteType
    user_ids: list[UserId]
    name: str | None


class Message(Words):
    id: MessageId
    conversation_id: ConversationId
    seq: int
    sender_id: UserId
    message_kind: MessageKind = msgspec.field(name="kind")
    text: str
    note: Note | None
    created_at: datetime
    client_id: UUID | None


class NewMessage(Message):
    kind: ClassVar[str] = "new_message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message on its way into the table: everything but what `append` gives it."""

    conversation_id: ConversationId
    sender_id: UserId
    client_id: UUID
    text: str
    note: Note | None = None


async def append(
    tx: Transaction, drafts: Sequence[Draft], last_seqs: dict[ConversationId, int]
) -> list[NewMessage]:
    """Number and store the drafts, in their order, and tell their conversations.

    The caller holds the lock of every conversation concerned; `last_seqs` are their numbers
    read under it, and are moved on here.
    """
    now = utc_now()
    messages = []
    for draft in drafts:
        last_seqs[draft.conversation_id] += 1
        message = NewMessage(
            id=MessageId(new_id()),
            conversation_id=draft.conversation_id,
            seq=last_seqs[draft.conversation_id],
            sender_id=draft.sender_id,
            message_kind="note" if draft.note else "text",
            text=draft.text,
            note=draft.note,
            created_at=now,
            client_id=draft.client_id,
        )
        messages.append(message)
        emit(tx, conversation_topic(draft.conversation_id), message)
    moved = sorted({message.conversation_id for message in messages})
    await tx.run(
        STORE,
        [message.conversation_id for message in messages],
        [message.seq for message in messages],
        [message.id for message in messages],
        [message.sender_id for message in messages],
        [message.client_id for message in messages],
        [message.message_kind for message in messages],
        [message.text for message in messages],
        [encode_text(message.note) if message.note else None for message in messages],
        now,
        moved,
        [last_seqs[conversation_id] for conversation_id in moved],
    )
    return messages


async def people_of(tx: Transaction, messages: Iterable[Message]) -> list[UserSummary]:
    """Everybody whom these messages name: also who has left since, and is no member any more."""
    named: dict[UserId, None] = {}
    for message in messages:
        named[message.sender_id] = None
        named.update(dict.fromkeys(message.note.user_ids if message.note else ()))
    summaries = await summaries_of(tx, list(named))
    return list(summaries.values())


def message_from(row: Record, *, reader_id: UserId) -> Message:
    """A row of `messages` as `reader_id` may see it: only authors see their client ids."""
    return Message(
        id=row["id"],
        conversation_id=row["conversation_id"],
        seq=row["seq"],
        sender_id=row["sender_id"],
        message_kind=row["kind"],
        text=row["text"],
        note=msgspec.json.decode(row["note"], type=Note) if row["note"] else None,
        created_at=row["created_at"],
        client_id=row["client_id"] if row["sender_id"] == reader_id else None,
    )


STORE = """
    WITH moved AS (
        UPDATE conversations SET last_seq = tip.seq, last_activity_at = $9
          FROM unnest($10::uuid[], $11::bigint[]) AS tip (id, seq)
         WHERE conversations.id = tip.id)
    INSERT INTO messages
           (conversation_id, seq, id, sender_id, client_id, kind, text, note, created_at)
    SELECT *, $9::timestamptz
      FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[],
                  $7::text[], $8::json[])
"""
