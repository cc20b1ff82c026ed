from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from storage.actor import Actor
from storage.database import Transaction
from storage.domains.messaging import SendMessage, Sent, send_message
from storage.ids import ConversationId, new_id
from tests.world import person


@dataclass(frozen=True, slots=True)
class Talk:
    """Ana and Ben talk: Ana has said three things, and Ben has read none of them."""

    id: ConversationId
    ana: Actor
    ben: Actor
    eve: Actor

    @property
    def topic(self) -> str:
        return f"conversation:{self.id}"


@pytest.fixture
async def talk(tx: Transaction) -> Talk:
    ana, ben, eve = [await person(tx, name) for name in ("Ana", "Ben", "Eve")]
    sent = [await say(tx, ana, text, to=ben) for text in ("one", "two", "three")]
    tx.emitted.clear()
    return Talk(sent[0].conversation_id, ana, ben, eve)


async def say(
    tx: Transaction,
    sender: Actor,
    text: str,
    *,
    to: Actor | None = None,
    into: ConversationId | None = None,
) -> Sent:
    command = SendMessage(
        to=to.user_id if to else None, conversation_id=into, text=text, client_id=new_id()
    )
    return await send_message(tx, sender, command)


def emitted(tx: Transaction, kind: str) -> list[tuple[str, Any]]:
    """The events of one kind that this transaction has caused, with their topics."""
    return [(topic, event) for topic, event in tx.emitted if getattr(event, "kind", "") == kind]
