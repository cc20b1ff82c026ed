"""Sending: a message gets its number and is stored before anybody hears that it was.

Senders are served in batches, one transaction for all who ask at the same time. One refusal
never fails a neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from storage.action import action
from storage.actor import Actor
from storage.database import Record, Transaction
from storage.domains.messaging.conversations import ConversationAdded, load_one
from storage.domains.messaging.direct import create_direct, find_direct
from storage.domains.messaging.messages import Draft, NewMessage, Text, append
from storage.domains.visibility import messageable
from storage.errors import Conflict, Forbidden, InvalidInput, NotFound, Refusal
from storage.ids import ConversationId, MessageId, UserId
from storage.journal import emit, user_topic
from storage.words import Words


class SendMessage(Words):
    conversation_id: ConversationId | None = None
    to: UserId | None = None
    text: Text
    client_id: UUID


class Sent(Words):
    id: MessageId
    conversation_id: ConversationId
    seq: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _Asked:
    """One sender's message once it is known which conversation it goes to."""

    place: int
    sender_id: UserId
    conversation_id: ConversationId
    command: SendMessage

    @property
    def once(self) -> tuple[UserId, UUID]:
        """What names this message for ever, however often it is sent."""
        return (self.sender_id, self.command.client_id)


@dataclass(frozen=True, slots=True)
class _Stored:
    sent: Sent
    text: str


@dataclass(frozen=True, slots=True)
class _Facts:
    earlier: _Stored | None
    """What was stored before under the same client id."""
    is_member: bool
    is_allowed: bool
    """In a group always; to a person, if there is no block and they let one."""


Answer: TypeAlias = Sent | Refusal


async def send_many(
    tx: Transaction, asked: Sequence[tuple[Actor, SendMessage]]
) -> Sequence[Answer]:
    """Store every message that may be stored; the answers stand in the order asked."""
    answers: list[Answer | None] = [None] * len(asked)
    wanted: list[_Asked] = []
    for place in _in_order_of_pairs(asked):
        sender, command = asked[place]
        try:
            conversation_id = await _conversation_of(tx, sender, command)
            wanted.append(_Asked(place, sender.user_id, conversation_id, command))
        except Refusal as refusal:
            answers[place] = refusal

    conversations = {
        row["id"]: row
        for row in await tx.rows(LOCK, sorted({one.conversation_id for one in wanted}))
    }
    # Only now, behind the locks: whoever stored the same message or changed the members
    # before us has committed, and this statement sees it.
    facts = await _facts(tx, wanted, conversations)

    fresh: dict[tuple[UserId, UUID], _Asked] = {}
    for one in wanted:
        known = facts[one.place]
        if known.earlier is not None:
            answers[one.place] = _first_answer(one, known.earlier)
        elif not known.is_member or one.conversation_id not in conversations:
            answers[one.place] = NotFound("conversation")
        elif not known.is_allowed:
            answers[one.place] = Forbidden("conversation", "you cannot message this person")
        elif one.once in fresh:
            continue  # Twice in one batch: answered below, with the one that is stored.
        else:
            fresh[one.once] = one

    stored = await _store(tx, list(fresh.values()), conversations)
    for one in wanted:
        if answers[one.place] is None:
            answers[one.place] = _first_answer(one, stored[one.once])
    answered = [answer for answer in answers if answer is not None]
    assert len(answered) == len(asked), "everybody gets an answer of their own"
    return answered


@action(many=send_many)
async def send_message(tx: Transaction, sender: Actor, command: SendMessage) -> Sent:
    """Send a text to a conversation, or to a person.

    The same `clientId` again returns the first answer and sends nothing.
    """
    [answer] = await send_many(tx, [(sender, command)])
    if isinstance(answer, Refusal):
        raise answer
    return answer


def _in_order_of_pairs(asked: Sequence[tuple[Actor, SendMessage]]) -> list[int]:
    """The places, those last that may begin a conversation, in one order for all batches: two
    batches that begin the same ones never wait for each other."""

    def pair(place: int) -> tuple[UserId, ...]:
        sender, command = asked[place]
        return () if command.to is None else tuple(sorted((sender.user_id, command.to)))

    return sorted(range(len(asked)), key=pair)


async def _conversation_of(tx: Transaction, sender: Actor, command: SendMessage) -> ConversationId:
    if not any(sign.isprintable() and not sign.isspace() for sign in command.text):
        raise InvalidInput("text", "must say something")
    if (command.conversation_id is None) == (command.to is None):
        raise InvalidInput("conversationId", "name either a conversation or a person")
    if command.to is not None:
        found = await find_direct(tx, sender.user_id, command.to)
        if found is not None:
            return found
        if await tx.value(IS_USED, sender.user_id, command.client_id):
            # Perhaps here, through another door, since we looked.
            found = await find_direct(tx, sender.user_id, command.to)
            if found is not None:
                return found
            # It was sent elsewhere: nothing may begin with a message that is refused.
            raise Conflict("clientId", "was used for another message")
        return await create_direct(tx, sender.user_id, command.to)
    assert command.conversation_id is not None
    return command.conversation_id


async def _facts(
    tx: Transaction, wanted: Sequence[_Asked], conversations: dict[ConversationId, Record]
) -> dict[int, _Facts]:
    rows = await tx.rows(
        FIND_FACTS,
        [one.sender_id for one in wanted],
        [one.command.client_id for one in wanted],
        [one.conversation_id for one in wanted],
        [_recipient(one, conversations.get(one.conversation_id)) for one in wanted],
    )
    earlier_ids = [row["earlier_id"] for row in rows if row["earlier_id"] is not None]
    earlier = {}
    if earlier_ids:
        earlier = {row["id"]: _stored(row) for row in await tx.rows(FIND_EARLIER, earlier_ids)}
    return {
        one.place: _Facts(
            earlier.get(row["earlier_id"]),
            is_member=row["is_member"] is True,
            is_allowed=row["is_allowed"] is True,
        )
        for one, row in zip(wanted, rows, strict=True)
    }


def _recipient(one: _Asked, conversation: Record | None) -> UserId | None:
    """The other of a direct conversation."""
    if conversation is None or conversation["kind"] != "direct":
        return None
    low: UserId = conversation["direct_low"]
    high: UserId = conversation["direct_high"]
    return high if low == one.sender_id else low


async def _store(
    tx: Transaction, fresh: Sequence[_Asked], conversations: dict[ConversationId, Record]
) -> dict[tuple[UserId, UUID], _Stored]:
    if not fresh:
        return {}
    last_seqs = {
        one.conversation_id: conversations[one.conversation_id]["last_seq"] for one in fresh
    }
    for conversation_id, last_seq in last_seqs.items():
        if last_seq == 0 and conversations[conversation_id]["kind"] == "direct":
            await _introduce(tx, conversations[conversation_id])
    drafts = [
        Draft(
            conversation_id=one.conversation_id,
            sender_id=one.sender_id,
            client_id=one.command.client_id,
            text=one.command.text,
        )
        for one in fresh
    ]
    messages = await append(tx, drafts, last_seqs)
    return {
        one.once: _Stored(_sent(message), message.text)
        for one, message in zip(fresh, messages, strict=True)
    }


async def _introduce(tx: Transaction, conversation: Record) -> None:
    """A direct conversation begins for the other with its first message, which follows it."""
    low, high = conversation["direct_low"], conversation["direct_high"]
    other_id = high if conversation["created_by"] == low else low
    seen = await load_one(tx, other_id, conversation["id"])
    added = ConversationAdded(conversation=seen, from_seq=seen.topic_seq)
    emit(tx, user_topic(other_id), added)


def _first_answer(one: _Asked, stored: _Stored) -> Answer:
    same_place = stored.sent.conversation_id == one.conversation_id
    if not same_place or stored.text != one.command.text:
        return Conflict("clientId", "was used for another message")
    return stored.sent


def _sent(message: NewMessage) -> Sent:
    return Sent(
        id=message.id,
        conversation_id=message.conversation_id,
        seq=message.seq,
        created_at=message.created_at,
    )


def _stored(row: Record) -> _Stored:
    sent = Sent(
        id=row["id"],
        conversation_id=row["conversation_id"],
        seq=row["seq"],
        created_at=row["created_at"],
    )
    return _Stored(sent, row["text"])


# In the order of ids, so that two batches never wait for each other. NO KEY: a row that only
# refers to the conversation may be written meanwhile.
LOCK = """
    SELECT id, kind, created_by, last_seq, direct_low, direct_high FROM conversations
     WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""

IS_USED = "SELECT EXISTS (SELECT FROM messages WHERE sender_id = $1 AND client_id = $2)"

# Each fact is a lookup of its own: a join that is planned while a table is empty would read the
# whole of it for each batch, once it has grown.
FIND_FACTS = f"""
    SELECT (SELECT id FROM messages
             WHERE messages.sender_id = asked.sender_id
               AND messages.client_id = asked.client_id) AS earlier_id,
           (SELECT true FROM members
             WHERE members.conversation_id = asked.conversation_id
               AND members.user_id = asked.sender_id) AS is_member,
           asked.recipient_id IS NULL
           OR (SELECT {messageable("asked.sender_id", "recipient")} FROM users AS recipient
                WHERE recipient.id = asked.recipient_id) AS is_allowed
      FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) WITH ORDINALITY
           AS asked (sender_id, client_id, conversation_id, recipient_id, place)
     ORDER BY asked.place
"""  # noqa: S608  # The inserted text is our own SQL.

FIND_EARLIER = """
    SELECT id, conversation_id, seq, text, created_at FROM messages WHERE id = ANY ($1::uuid[])
"""
