"""Signing in with a password.

An account that does not exist costs the same time and gets the same answer as a wrong
password, so that nobody learns here who has an account.
"""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from storage.action import Steps, action, flow
from storage.actor import Visitor
from storage.database import Transaction
from storage.domains.identity.fields import EMAIL_CHARACTERS_MAX
from storage.domains.identity.hashing import hash_password, is_outdated, verify_password
from storage.domains.identity.passwords import GivenPassword
from storage.domains.identity.sessions import StartedSession, start_session
from storage.domains.identity.tokens import Tokens, tokens_of
from storage.errors import Unauthenticated
from storage.ids import UserId
from storage.words import Words


class Login(Words):
    login: Annotated[
        str,
        Meta(min_length=1, max_length=EMAIL_CHARACTERS_MAX, description="An e-mail or a handle"),
    ]
    password: GivenPassword


@dataclass(frozen=True, slots=True)
class Account:
    user_id: UserId
    password_hash: str


@dataclass(frozen=True, slots=True)
class Verified:
    account: Account
    new_hash: str | None
    """The same password at today's cost, when it was hashed at another."""


@flow(needs_room=False)
async def login(steps: Steps, visitor: Visitor, command: Login) -> Tokens:
    """Sign in by e-mail or handle."""
    account = await steps.step(find_account, visitor, command)
    # One count however the account is named, and from wherever it is guessed at.
    steps.count_guess(
        str(account.user_id) if account else command.login.strip().lower().removeprefix("@")
    )
    known_hash = account.password_hash if account else None
    right = await verify_password(command.password, known_hash)
    if account is None or not right:
        raise wrong_login()
    outdated = is_outdated(account.password_hash)
    new_hash = await hash_password(command.password) if outdated else None
    session = await steps.step(start_verified, visitor, Verified(account, new_hash))
    return tokens_of(steps.settings, session)


@action(reads=True)
async def find_account(tx: Transaction, visitor: Visitor, command: Login) -> Account | None:
    """The account of an e-mail or a handle."""
    name = command.login.strip().lower()
    if "\x00" in name:
        return None
    row = await tx.row(FIND_ACCOUNT, name, name.removeprefix("@"))
    return Account(row["id"], row["password_hash"]) if row else None


@action
async def start_verified(tx: Transaction, visitor: Visitor, verified: Verified) -> StartedSession:
    """Start a session, unless the password was changed while it was being checked."""
    account = verified.account
    new_hash = verified.new_hash or account.password_hash
    if not await tx.run(KEEP_HASH, account.user_id, account.password_hash, new_hash):
        raise wrong_login()
    return await start_session(tx, visitor, account.user_id)


def wrong_login() -> Unauthenticated:
    return Unauthenticated("login", "wrong e-mail, handle or password")


# A handle has no @ and an e-mail has one, so at most one account fits.
FIND_ACCOUNT = "SELECT id, password_hash FROM users WHERE email = $1 OR handle = $2"

KEEP_HASH = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"
