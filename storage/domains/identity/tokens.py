"""What a sign-in is answered with: a token to ask with, and one to get the next."""

from storage import clock
from storage.domains.identity.access_tokens import ACCESS_TOKEN_SECONDS, issue_access_token
from storage.domains.identity.refresh_tokens import RefreshToken, word_refresh_token
from storage.domains.identity.sessions import StartedSession
from storage.ids import SessionId, UserId
from storage.settings import Settings
from storage.words import Words


class Tokens(Words):
    access_token: str
    expires_in: int
    refresh_token: str
    user_id: UserId
    session_id: SessionId


def tokens_of(settings: Settings, session: StartedSession) -> Tokens:
    access_token = issue_access_token(
        settings.secret,
        user_id=session.user_id,
        session_id=session.session_id,
        role=session.role,
        now=clock.utc_now(),
    )
    refresh = RefreshToken(session.session_id, session.generation)
    return Tokens(
        access_token=access_token,
        expires_in=ACCESS_TOKEN_SECONDS,
        refresh_token=word_refresh_token(settings.secret, refresh),
        user_id=session.user_id,
        session_id=session.session_id,
    )
