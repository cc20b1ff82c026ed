"""The evidence that PostgreSQL holds, and what the lists show of it."""

from __future__ import annotations

import json
from typing import Any

import trio

from bench.client import RequestRefused
from storage.actor import Actor
from storage.database import Database, Record
from tests.crash import http
from tests.crash.evidence import Listed, Membership, Stored
from tests.crash.notes import worded
from tests.crash.product import Product, token_of

PAGE = 100
RETRY_SECONDS = 0.2


async def stored_messages(database: Database) -> list[Stored]:
    async with database.transaction(read_only=True) as tx:
        return [_stored(row) for row in await tx.rows(MESSAGES)]


async def memberships(database: Database) -> list[Membership]:
    async with database.transaction(read_only=True) as tx:
        return [
            Membership(
                conversation=str(row["conversation_id"]),
                person=str(row["user_id"]),
                joined_seq=row["joined_seq"],
                read_seq=row["read_seq"],
                delivered_seq=row["delivered_seq"],
            )
            for row in await tx.rows(MEMBERS)
        ]


async def last_seqs(database: Database) -> dict[tuple[str, str], int]:
    """Up to where each person should have heard each of their conversations."""
    async with database.transaction(read_only=True) as tx:
        return {
            (str(row["user_id"]), str(row["conversation_id"])): row["last_seq"]
            for row in await tx.rows(LAST_SEQS)
        }


async def listed(product: Product, reader: Actor) -> list[Listed]:
    """All pages of the reader's list, over HTTP."""
    found: list[Listed] = []
    cursor = ""
    while True:
        path = f"/conversations?limit={PAGE}{cursor}"
        page = await _read(product, path, reader)
        found += [
            Listed(
                one["id"], str(reader.user_id), one["lastSeq"], one["readSeq"], one["unreadCount"]
            )
            for one in page["conversations"]
        ]
        if page["nextCursor"] is None:
            return found
        cursor = f"&cursor={page['nextCursor']}"


async def _read(product: Product, path: str, reader: Actor) -> Any:
    """Also from a process that is just coming back; the run has a limit of its own."""
    while True:
        try:
            return await http.request(product.http_port, "GET", path, None, token=token_of(reader))
        except http.NoAnswer:
            await trio.sleep(RETRY_SECONDS)
        except RequestRefused as refusal:
            if not refusal.retry:
                raise
            await trio.sleep(refusal.retry_after or RETRY_SECONDS)


def _stored(row: Record) -> Stored:
    wire = {
        "text": row["text"],
        "conversationId": str(row["conversation_id"]),
        "note": json.loads(row["note"]) if row["note"] else None,
    }
    return Stored(
        conversation=wire["conversationId"],
        seq=row["seq"],
        message=str(row["id"]),
        author=str(row["sender_id"]),
        text=worded(wire),
        is_note=row["kind"] == "note",
    )


MESSAGES = """
    SELECT conversation_id, seq, id, sender_id, kind, text, note FROM messages
     ORDER BY conversation_id, seq
"""

# A direct conversation without a message is in nobody's list.
MEMBERS = """
    SELECT members.* FROM members JOIN conversations ON conversations.id = conversation_id
     WHERE conversations.last_seq > 0
"""

LAST_SEQS = """
    SELECT user_id, conversation_id, last_seq FROM members
      JOIN conversations ON conversations.id = conversation_id
     WHERE last_seq > joined_seq
"""
