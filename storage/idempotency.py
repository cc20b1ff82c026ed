"""A retry gets the first answer: what a key was asked, and what was answered, in one row.

The row is written in the transaction of the action itself, so key and effect exist together
or not at all. A second request under the same key waits at the unique index for the first.
"""

from __future__ import annotations

import hashlib
from typing import Any

from storage.database import Transaction
from storage.errors import Conflict, InvalidInput
from storage.ids import UserId
from storage.words import encode_json

KEY_CHARACTERS_MAX = 200


async def first_answer(
    tx: Transaction, user_id: UserId, action: str, key: str, command: Any
) -> bytes | None:
    """The JSON answered under this key before, or None: then go on and call `remember`.

    Raises Conflict when the key was used with another body.
    """
    if not (0 < len(key) <= KEY_CHARACTERS_MAX and key.isascii() and key.isprintable()):
        raise InvalidInput("idempotencyKey", f"1 to {KEY_CHARACTERS_MAX} printable characters")
    body_hash = hashlib.sha256(encode_json(command)).digest()
    if await tx.run(CLAIM, user_id, action, key, body_hash):
        return None
    row = await tx.row(FIND, user_id, action, key)
    if row is None or row["answer"] is None or row["body_hash"] != body_hash:
        raise Conflict("idempotencyKey", "was used for another request")
    answer: str = row["answer"]
    return answer.encode()


async def remember(tx: Transaction, user_id: UserId, action: str, key: str, answer: Any) -> None:
    await tx.run(REMEMBER, user_id, action, key, encode_json(answer).decode())


CLAIM = """
    INSERT INTO idempotency (user_id, action, key, body_hash) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
"""

FIND = """
    SELECT body_hash, answer FROM idempotency WHERE user_id = $1 AND action = $2 AND key = $3
"""

REMEMBER = """
    UPDATE idempotency SET answer = $4::json WHERE user_id = $1 AND action = $2 AND key = $3
"""
