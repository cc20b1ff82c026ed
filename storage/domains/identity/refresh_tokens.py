"""Refresh tokens: derived, not stored.

`<session>.<generation>.<proof>`, where only we can make the proof. So the successor of a token
can be worked out again: two tabs, or a reply that was lost, get the same one, and a copy of the
database lets nobody sign in.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

from storage.ids import SessionId

TOKEN_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class RefreshToken:
    session_id: SessionId
    generation: int


def word_refresh_token(secret: bytes, token: RefreshToken) -> str:
    claim = f"{token.session_id}.{token.generation}"
    return f"{claim}.{_proof(secret, claim)}"


def read_refresh_token(secret: bytes, text: str) -> RefreshToken | None:
    """What a genuine token names, however old; None for anything else."""
    claim, _, proof = text.rpartition(".")
    if len(text) > TOKEN_CHARACTERS_MAX or not text.isascii():
        return None
    if not hmac.compare_digest(proof, _proof(secret, claim)):
        return None
    session_id, _, generation = claim.partition(".")
    return RefreshToken(SessionId(UUID(session_id)), int(generation))


def _proof(secret: bytes, claim: str) -> str:
    key = hmac.digest(secret, b"refresh-token", hashlib.sha256)
    digest = hmac.digest(key, claim.encode(), hashlib.sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
