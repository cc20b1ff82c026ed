"""Another password: whoever knew the old one is signed out."""

from dataclasses import dataclass

from storage.action import Steps, action, flow
from storage.actor import Actor
from storage.database import Transaction
from storage.domains.identity.hashing import hash_password, verify_password
from storage.domains.identity.passwords import GivenPassword, NewPassword, check_password
from storage.domains.identity.sessions import end_other_sessions
from storage.errors import InvalidInput, Unauthenticated
from storage.words import Nothing, Words


class ChangePassword(Words):
    current_password: GivenPassword
    new_password: NewPassword


@dataclass(frozen=True, slots=True)
class Owner:
    handle: str
    name: str
    email: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class NewHash:
    old_hash: str
    new_hash: str


@flow
async def change_password(steps: Steps, actor: Actor, command: ChangePassword) -> Nothing:
    """Change one's password; all other sessions end."""
    steps.count_guess(str(actor.user_id))
    owner = await steps.step(find_owner, actor, Nothing())
    if not await verify_password(command.current_password, owner.password_hash):
        raise wrong_password()
    check_password(
        "newPassword",
        command.new_password,
        handle=owner.handle,
        name=owner.name,
        email=owner.email,
    )
    new_hash = await hash_password(command.new_password)
    await steps.step(replace_hash, actor, NewHash(owner.password_hash, new_hash))
    return Nothing()


@action(reads=True)
async def find_owner(tx: Transaction, actor: Actor, command: Nothing) -> Owner:
    """What the rules for a password ask about its owner."""
    row = await tx.row(FIND_OWNER, actor.user_id)
    if row is None:
        raise Unauthenticated("session", "has ended")
    return Owner(**row)


@action
async def replace_hash(tx: Transaction, actor: Actor, change: NewHash) -> Nothing:
    """Put the new hash in the place of the one that was checked, and end the other sessions."""
    if not await tx.run(REPLACE_HASH, actor.user_id, change.old_hash, change.new_hash):
        raise wrong_password()
    await end_other_sessions(tx, actor)
    return Nothing()


def wrong_password() -> InvalidInput:
    # Not `unauthenticated`: the session is fine, and a client must not throw it away.
    return InvalidInput("currentPassword", "is not your password")


FIND_OWNER = "SELECT handle, name, email, password_hash FROM users WHERE id = $1"

REPLACE_HASH = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"
