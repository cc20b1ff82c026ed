from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from storage.domains.identity.access_tokens import _key, issue_access_token, read_access_token
from storage.errors import Unauthenticated
from storage.ids import SessionId, UserId, new_id

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
SECRET = b"a secret of the tests, long enough to sign with"
USER_ID, SESSION_ID = UserId(new_id()), SessionId(new_id())
HEADER = {"alg": "HS256", "typ": "JWT"}


def token_of_ana() -> str:
    return issue_access_token(SECRET, user_id=USER_ID, session_id=SESSION_ID, role="user", now=NOON)


def claims() -> dict[str, Any]:
    return dict(jwt.decode(token_of_ana(), _key(SECRET)).claims)


def signed(changes: dict[str, Any], *, header: dict[str, Any] | None = None) -> str:
    return jwt.encode({**HEADER, **(header or {})}, {**claims(), **changes}, _key(SECRET))


def unsigned() -> str:
    return (
        encoded(json.dumps({"alg": "none", "typ": "JWT"}))
        + "."
        + encoded(json.dumps(claims()))
        + "."
    )


def signed_by_hand(key: bytes) -> str:
    """Libraries refuse to sign with the keys that a forger may try."""
    text = encoded(json.dumps(HEADER)) + "." + encoded(json.dumps(claims()))
    return text + "." + encoded(hmac.digest(key, text.encode(), hashlib.sha256))


def encoded(part: str | bytes) -> str:
    raw = part.encode() if isinstance(part, str) else part
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_token_says_who_and_for_how_long() -> None:
    said = claims()
    assert len(said.pop("jti")) == 32
    assert said == {
        "iss": "loopync",
        "aud": "loopync",
        "sub": str(USER_ID),
        "sid": str(SESSION_ID),
        "role": "user",
        "tier": "free",
        "iat": int(NOON.timestamp()),
        "exp": int(NOON.timestamp()) + 900,
    }


def test_no_two_tokens_are_alike() -> None:
    assert token_of_ana() != token_of_ana()


@pytest.mark.parametrize(
    ("after", "genuine"),
    [
        (timedelta(), True),
        (timedelta(seconds=-60), True),
        (timedelta(seconds=899), True),
        (timedelta(seconds=900), False),
        (timedelta(hours=-1), False),
    ],
)
def test_a_token_lives_a_quarter_of_an_hour(after: timedelta, genuine: bool) -> None:
    if genuine:
        assert read_access_token(SECRET, token_of_ana(), now=NOON + after).sub == USER_ID
    else:
        with pytest.raises(Unauthenticated, match="accessToken"):
            read_access_token(SECRET, token_of_ana(), now=NOON + after)


OTHER_KEY = OctKey.import_key(b"another secret, just as long as the first one")
FORGERIES: dict[str, Callable[[], str]] = {
    "no signature": unsigned,
    "signature cut": lambda: token_of_ana().rpartition(".")[0] + ".",
    "signature flipped": lambda: (
        token_of_ana()[:-2] + ("AA" if token_of_ana()[-2:] != "AA" else "BB")
    ),
    "other key": lambda: jwt.encode(HEADER, claims(), OTHER_KEY),
    "undivided secret": lambda: jwt.encode(HEADER, claims(), OctKey.import_key(SECRET)),
    "empty key": lambda: signed_by_hand(b""),
    "other algorithm": lambda: jwt.encode(
        {"alg": "HS512", "typ": "JWT"}, claims(), _key(SECRET), algorithms=["HS512"]
    ),
    "key id": lambda: signed({}, header={"kid": "../../dev/null"}),
    "key url": lambda: signed({}, header={"jku": "https://eve.test/keys"}),
    "other issuer": lambda: signed({"iss": "eve"}),
    "other audience": lambda: signed({"aud": "elsewhere"}),
    "several audiences": lambda: signed({"aud": ["loopync", "elsewhere"]}),
    "no expiry": lambda: signed({"exp": None}),
    "expiry as text": lambda: signed({"exp": "9999999999"}),
    "role unknown": lambda: signed({"role": "owner"}),
    "subject no id": lambda: signed({"sub": "ana"}),
    "claim unknown": lambda: signed({"more": 1}),
    "empty": lambda: "",
    "dots": lambda: "..",
    "not base64": lambda: "é.é.é",
    "too long": lambda: "a" * 10_000,
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_opens_nothing(forgery: str) -> None:
    with pytest.raises(Unauthenticated, match="accessToken"):
        read_access_token(SECRET, FORGERIES[forgery](), now=NOON)


def test_the_forger_with_our_key_would_succeed() -> None:
    """The control: what the forgeries change is what they are refused for."""
    assert read_access_token(SECRET, signed({}), now=NOON).sub == USER_ID
    assert (
        read_access_token(SECRET, signed_by_hand(_key(SECRET).raw_value), now=NOON).sub == USER_ID
    )
