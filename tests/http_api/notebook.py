"""A domain of the tests' own, with one action of every kind, and its table."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from http_api.endpoint import Route
from storage.action import action
from storage.actor import Actor
from storage.database import Transaction
from storage.errors import Conflict, TooManyRequests
from storage.words import Limit, Nothing, Words


class WriteNote(Words):
    page_id: UUID
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    stars: int = 0


class Note(Words):
    page_id: UUID
    text: str
    stars: int
    author_id: UUID


class FindNotes(Words):
    page_ids: list[UUID]
    limit: Limit = 30
    draft: bool = False


class Found(Words):
    page_ids: list[UUID]
    limit: int
    draft: bool


@action
async def write_note(tx: Transaction, actor: Actor, command: WriteNote) -> Note:
    """Write on a page."""
    assert await tx.value("SELECT 1") == 1
    return Note(
        page_id=command.page_id,
        text=command.text,
        stars=command.stars,
        author_id=actor.user_id,
    )


@action(reads=True)
async def find_notes(tx: Transaction, actor: Actor, command: FindNotes) -> Found:
    """Find pages."""
    return Found(page_ids=command.page_ids, limit=command.limit, draft=command.draft)


@action
async def tear_out(tx: Transaction, actor: Actor, command: Nothing) -> Nothing:
    """Always too late."""
    raise Conflict("page", "was torn out already")


@action
async def hurry(tx: Transaction, actor: Actor, command: Nothing) -> Nothing:
    """Always too often."""
    raise TooManyRequests("requests", "slowly", retry_after_seconds=2.2)


@action
async def spill_ink(tx: Transaction, actor: Actor, command: Nothing) -> Nothing:
    """A bug."""
    raise RuntimeError("ink everywhere, and a password: hunter2")


ROUTES = [
    Route("POST", "/pages/{pageId}/notes", write_note, status=201),
    Route("GET", "/pages", find_notes),
    Route("DELETE", "/pages", tear_out),
    Route("POST", "/hurry", hurry),
    Route("POST", "/ink", spill_ink),
]
