"""Who asks, by the access token they show."""

from storage import clock
from storage.actor import Actor
from storage.database import Database, DatabaseUnavailable
from storage.domains.identity.access_tokens import read_access_token
from storage.errors import Unauthenticated, Unavailable
from storage.settings import Settings


async def actor_of(database: Database, settings: Settings, token: str, address: str) -> Actor:
    """The signed-in person whose token this is, if their session still lives.

    Raises Unauthenticated, or Unavailable when the database cannot be asked.
    """
    claims = read_access_token(settings.secret, token, now=clock.utc_now())
    try:
        async with database.transaction(read_only=True) as tx:
            role = await tx.value(FIND_ROLE, claims.sid, claims.sub)
    except DatabaseUnavailable as error:
        raise Unavailable("database", "try again", retry_after_seconds=1) from error
    if role is None:
        raise Unauthenticated("session", "has ended")
    # The role is that of this moment, not that of when the token was made.
    return Actor(user_id=claims.sub, session_id=claims.sid, role=role, address=address)


FIND_ROLE = """
    SELECT users.role
      FROM sessions JOIN users ON users.id = sessions.user_id
     WHERE sessions.id = $1 AND sessions.user_id = $2 AND revoked_at IS NULL AND expires_at > now()
"""
