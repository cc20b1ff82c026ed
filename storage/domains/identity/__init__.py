"""Who somebody is: accounts, passwords, tokens and sessions."""

from storage.domains.identity import hashing
from storage.domains.identity.access import actor_of
from storage.domains.identity.access_tokens import TOKEN_CHARACTERS_MAX, read_access_token
from storage.domains.identity.change_password import ChangePassword, change_password
from storage.domains.identity.fields import (
    Email,
    Handle,
    Name,
    clean_email,
    clean_handle,
    clean_line,
    clean_name,
    clean_text,
)
from storage.domains.identity.hashing import hash_password, nobodys_hash
from storage.domains.identity.login import Login, login
from storage.domains.identity.refresh import Logout, Refresh, logout, refresh
from storage.domains.identity.sessions import (
    RevokedCount,
    RevokeSession,
    Session,
    SessionAdded,
    SessionRevoked,
    Sessions,
    StartedSession,
    forget_ended_sessions,
    list_sessions,
    live_sessions,
    revoke_other_sessions,
    revoke_session,
    start_session,
)
from storage.domains.identity.signup import Signup, signup
from storage.domains.identity.tokens import Tokens, tokens_of
from storage.domains.identity.users import UserSummary, create_user, summaries_of

__all__ = [
    "TOKEN_CHARACTERS_MAX",
    "ChangePassword",
    "Email",
    "Handle",
    "Login",
    "Logout",
    "Name",
    "Refresh",
    "RevokeSession",
    "RevokedCount",
    "Session",
    "SessionAdded",
    "SessionRevoked",
    "Sessions",
    "Signup",
    "StartedSession",
    "Tokens",
    "UserSummary",
    "actor_of",
    "change_password",
    "clean_email",
    "clean_handle",
    "clean_line",
    "clean_name",
    "clean_text",
    "create_user",
    "forget_ended_sessions",
    "hash_password",
    "hashing",
    "list_sessions",
    "live_sessions",
    "login",
    "logout",
    "nobodys_hash",
    "read_access_token",
    "refresh",
    "revoke_other_sessions",
    "revoke_session",
    "signup",
    "start_session",
    "summaries_of",
    "tokens_of",
]
