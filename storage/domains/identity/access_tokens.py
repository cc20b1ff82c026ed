"""Access tokens: short-lived, signed, and read strictly.

There is one algorithm, one key and one shape of header. Whatever a token claims about how it
wants to be verified is compared with them, never obeyed.
"""

import hashlib
import hmac
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from storage.actor import Role
from storage.errors import Unauthenticated
from storage.ids import SessionId, UserId

ACCESS_TOKEN_SECONDS = 15 * 60
CLOCK_SKEW_SECONDS = 60
TOKEN_CHARACTERS_MAX = 2000
HEADER = {"alg": "HS256", "typ": "JWT"}


class Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    iss: Literal["loopync"]
    aud: Literal["loopync"]
    sub: UserId
    sid: SessionId
    role: Role
    tier: Literal["free"] = "free"
    iat: int
    exp: int
    jti: str


def issue_access_token(
    secret: bytes, *, user_id: UserId, session_id: SessionId, role: Role, now: datetime
) -> str:
    issued_at = int(now.timestamp())
    claims = Claims(
        iss="loopync",
        aud="loopync",
        sub=user_id,
        sid=session_id,
        role=role,
        iat=issued_at,
        exp=issued_at + ACCESS_TOKEN_SECONDS,
        jti=uuid4().hex,
    )
    plain: dict[str, Any] = msgspec.to_builtins(claims)
    return jwt.encode(HEADER, plain, _key(secret), algorithms=["HS256"])


def read_access_token(secret: bytes, token: str, *, now: datetime) -> Claims:
    """What a genuine, unexpired token says. Raises Unauthenticated on any other."""
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise Unauthenticated("accessToken", "is not valid")
    try:
        decoded = jwt.decode(token, _key(secret), algorithms=["HS256"])
        claims = msgspec.convert(decoded.claims, Claims)
    except (JoseError, msgspec.ValidationError, ValueError, TypeError):
        # The library raises a TypeError on some headers whose fields have odd types.
        raise Unauthenticated("accessToken", "is not valid") from None
    if decoded.header != HEADER:
        raise Unauthenticated("accessToken", "is not valid")
    seconds_now = now.timestamp()
    # Issued in the future, it would outlive its quarter of an hour: our clock was wrong then.
    if not claims.iat - CLOCK_SKEW_SECONDS <= seconds_now < claims.exp:
        raise Unauthenticated("accessToken", "has expired")
    return claims


def _key(secret: bytes) -> OctKey:
    # A key of its own for each purpose, so that nothing signed for one can pass for another.
    return OctKey.import_key(hmac.digest(secret, b"access-token", hashlib.sha256))
