"""Accounts: who there is."""

from collections.abc import Collection

from storage.actor import Role
from storage.database import Transaction
from storage.domains.identity.fields import clean_email, clean_handle, clean_name
from storage.errors import Conflict
from storage.ids import UserId, new_id
from storage.words import Words


class UserSummary(Words):
    id: UserId
    handle: str
    name: str


async def create_user(
    tx: Transaction,
    *,
    handle: str,
    name: str,
    email: str,
    password_hash: str,
    role: Role = "user",
) -> UserId:
    """Add an account. `password_hash` comes from `hash_password`, or is `nobodys_hash()`.

    Hashing is slow and belongs before the transaction. Raises InvalidInput naming a field that
    breaks its rule, Conflict naming `email` or `handle` when that is taken.
    """
    user_id = UserId(new_id())
    handle, name, email = clean_handle(handle), clean_name(name), clean_email(email)
    if await tx.run(ADD_USER, user_id, handle, name, email, password_hash, role):
        return user_id
    email_taken = await tx.value("SELECT true FROM users WHERE email = $1", email)
    if email_taken:
        raise Conflict("email", "has an account already")
    raise Conflict("handle", "is taken")


async def summaries_of(tx: Transaction, user_ids: Collection[UserId]) -> dict[UserId, UserSummary]:
    """Whoever of them exists, without asking who may see them."""
    rows = await tx.rows(FIND_SUMMARIES, list(user_ids))
    return {row["id"]: UserSummary(**row) for row in rows}


# Taken, nothing is inserted and nothing fails: the transaction can go on to say which it was.
ADD_USER = """
    INSERT INTO users (id, handle, name, email, password_hash, role)
    VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT DO NOTHING
"""

FIND_SUMMARIES = "SELECT id, handle, name FROM users WHERE id = ANY ($1::uuid[])"
