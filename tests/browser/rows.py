"""What PostgreSQL holds of a conversation, asked past the product."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import asyncpg

TEXTS = """
    SELECT text FROM messages WHERE conversation_id = $1 AND kind = 'text' ORDER BY seq
"""


def stored_texts(database_url: str, conversation_id: str) -> list[str]:
    """In the order of their numbers."""
    # In this thread Playwright's event loop runs.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(_ask, database_url, conversation_id).result()


def _ask(database_url: str, conversation_id: str) -> list[str]:
    async def ask() -> list[str]:
        connection = await asyncpg.connect(database_url)
        try:
            return [row["text"] for row in await connection.fetch(TEXTS, UUID(conversation_id))]
        finally:
            await connection.close()

    # Where trio-asyncio was imported, the loops of the policy in force are its own.
    loop = asyncio.DefaultEventLoopPolicy().new_event_loop()
    try:
        return loop.run_until_complete(ask())
    finally:
        loop.close()
