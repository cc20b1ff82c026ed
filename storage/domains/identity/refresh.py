"""Going on with a session: a refresh token is good for one successor.

Whoever shows an old one either lost a race with themselves, within half a minute, or holds a
copy. A copy ends the session for both: the thief is out, and the owner notices.
"""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from storage.action import Steps, action, flow
from storage.actor import Visitor
from storage.database import Transaction
from storage.domains.identity.refresh_tokens import (
    TOKEN_CHARACTERS_MAX,
    RefreshToken,
    read_refresh_token,
)
from storage.domains.identity.sessions import (
    UNUSED_DAYS_MAX,
    StartedSession,
    end_sessions,
)
from storage.domains.identity.tokens import Tokens, tokens_of
from storage.errors import Unauthenticated
from storage.words import Nothing, Words

REPEAT_SECONDS_MAX = 30


class Refresh(Words):
    refresh_token: Annotated[str, Meta(min_length=1, max_length=TOKEN_CHARACTERS_MAX)]


class Logout(Words):
    refresh_token: Annotated[str, Meta(min_length=1, max_length=TOKEN_CHARACTERS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a session is when somebody shows one of its tokens."""

    generation: int
    just_rotated: bool


# Whoever reloads a page must come in to read, also on a full disk, and whoever leaves must be out.
@flow(needs_room=False)
async def refresh(steps: Steps, visitor: Visitor, command: Refresh) -> Tokens:
    """Get the next access token, and the next refresh token with it."""
    token = read_refresh_token(steps.settings.secret, command.refresh_token)
    session = await steps.step(rotate_or_revoke, visitor, token) if token else None
    if session is None:
        raise Unauthenticated("refreshToken", "sign in again")
    return tokens_of(steps.settings, session)


@flow(needs_room=False)
async def logout(steps: Steps, visitor: Visitor, command: Logout) -> Nothing:
    """End the session of a refresh token; ended already or unknown, nothing more happens."""
    token = read_refresh_token(steps.settings.secret, command.refresh_token)
    if token:
        await steps.step(end_session_of, visitor, token)
    return Nothing()


@action
async def rotate_or_revoke(
    tx: Transaction, visitor: Visitor, token: RefreshToken
) -> StartedSession | None:
    """The session at its next generation; None when it has ended, or ends with this.

    None is an answer, not a refusal: ending the session must be committed.
    """
    row = await tx.row(LOCK_SESSION, token.session_id, REPEAT_SECONDS_MAX)
    if row is None:
        return None
    standing = Standing(generation=row["generation"], just_rotated=row["just_rotated"])
    generation = successor(token.generation, standing)
    if generation is None:
        await end_sessions(tx, row["user_id"], [token.session_id])
        return None
    if generation > standing.generation:
        values = (token.session_id, generation, visitor.address, UNUSED_DAYS_MAX)
        await tx.run(ROTATE, *values)
    return StartedSession(
        user_id=row["user_id"],
        session_id=token.session_id,
        generation=generation,
        role=row["role"],
    )


def successor(shown: int, standing: Standing) -> int | None:
    """The generation that a token of generation `shown` is exchanged for; None is a copy's."""
    # Above the current one only after a restored backup forgot a rotation: we did issue it.
    if shown >= standing.generation:
        return shown + 1
    if shown == standing.generation - 1 and standing.just_rotated:
        return standing.generation
    return None


@action
async def end_session_of(tx: Transaction, visitor: Visitor, token: RefreshToken) -> Nothing:
    """End the session that a refresh token belongs to."""
    user_id = await tx.value("SELECT user_id FROM sessions WHERE id = $1", token.session_id)
    if user_id is not None:
        await end_sessions(tx, user_id, [token.session_id])
    return Nothing()


# Two uses of one token wait for each other here: the second sees what the first has made of it.
# Rotated in an hour, because the clock was set back since, is not just now.
LOCK_SESSION = """
    SELECT session.user_id, session.generation, users.role,
           abs(extract(epoch FROM now() - session.rotated_at)) < $2 AS just_rotated
      FROM sessions AS session JOIN users ON users.id = session.user_id
     WHERE session.id = $1 AND revoked_at IS NULL AND expires_at > now()
       FOR UPDATE OF session
"""

ROTATE = """
    UPDATE sessions
       SET generation = $2, address = $3, rotated_at = now(), last_used_at = now(),
           expires_at = now() + make_interval(days => $4)
     WHERE id = $1
"""
