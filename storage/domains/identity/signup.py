"""Signing up: a new account, and its first session."""

from dataclasses import dataclass

from storage.action import Steps, action, flow
from storage.actor import Visitor
from storage.database import Transaction
from storage.domains.identity.fields import (
    Email,
    Handle,
    Name,
    clean_email,
    clean_handle,
    clean_name,
)
from storage.domains.identity.hashing import hash_password
from storage.domains.identity.passwords import NewPassword, check_password
from storage.domains.identity.sessions import StartedSession, start_session
from storage.domains.identity.tokens import Tokens, tokens_of
from storage.domains.identity.users import create_user
from storage.words import Words


class Signup(Words):
    name: Name
    handle: Handle
    email: Email
    password: NewPassword


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    name: str
    handle: str
    email: str
    password_hash: str


@flow
async def signup(steps: Steps, visitor: Visitor, command: Signup) -> Tokens:
    """Make an account and sign in to it."""
    name, handle = clean_name(command.name), clean_handle(command.handle)
    email = clean_email(command.email)
    check_password("password", command.password, handle=handle, name=name, email=email)
    account = NewAccount(
        name=name,
        handle=handle,
        email=email,
        password_hash=await hash_password(command.password),
    )
    return tokens_of(steps.settings, await steps.step(add_account, visitor, account))


@action
async def add_account(tx: Transaction, visitor: Visitor, account: NewAccount) -> StartedSession:
    """Add the account with its first session, or neither."""
    user_id = await create_user(
        tx,
        handle=account.handle,
        name=account.name,
        email=account.email,
        password_hash=account.password_hash,
    )
    return await start_session(tx, visitor, user_id)
