"""argon2id, in threads: slow on purpose, and never in the way of the event loop.

Each hash takes 64 MiB and about a tenth of a second of one core. So only a few run at once,
only so many may wait for their turn, and the rest are asked to come back.
"""

import secrets
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import argon2
import trio
from argon2.exceptions import InvalidHashError, VerificationError

from storage.domains.identity.passwords import normalized
from storage.errors import Unavailable

HASHES_RUNNING_MAX = 2
HASHES_WAITING_MAX = 64
COME_BACK_SECONDS = 2.0
SALT_BYTES = 16
HASH_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one guess costs an attacker, and one sign-in costs us."""

    passes: int
    memory_kib: int
    lanes: int = 1

    def hasher(self) -> argon2.PasswordHasher:
        return argon2.PasswordHasher(
            time_cost=self.passes,
            memory_cost=self.memory_kib,
            parallelism=self.lanes,
            hash_len=HASH_BYTES,
            salt_len=SALT_BYTES,
        )


STRONG = Cost(passes=3, memory_kib=64 * 1024)
CHEAP = Cost(passes=1, memory_kib=8)
"""For tests, where a thousand people sign up."""

cost = STRONG
"""What new hashes cost. Passwords hashed at another cost are hashed anew at the next login."""

R = TypeVar("R")
_running: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar("argon2")


async def hash_password(password: str) -> str:
    """Raises Unavailable when too many are waiting already."""
    text = normalized(password)
    return await _in_turn(lambda: cost.hasher().hash(text))


async def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether it is the password. None, for nobody's, takes as long and is never right.

    Raises Unavailable when too many are waiting already.
    """
    text = normalized(password)
    checked_hash = password_hash or nobodys_hash()
    return await _in_turn(lambda: _verify(checked_hash, text))


def is_outdated(password_hash: str) -> bool:
    """Whether it was made at another cost than new ones are."""
    return cost.hasher().check_needs_rehash(password_hash)


def nobodys_hash() -> str:
    """A hash that no password has, as dear to check as any other."""
    salt, digest = (
        b64encode(secrets.token_bytes(size)).rstrip(b"=").decode()
        for size in (SALT_BYTES, HASH_BYTES)
    )
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}${salt}${digest}"


def _verify(password_hash: str, password: str) -> bool:
    try:
        # The hash says itself at which cost it was made.
        return cost.hasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


async def _in_turn(work: Callable[[], R]) -> R:
    limiter = _limiter()
    if limiter.statistics().tasks_waiting >= HASHES_WAITING_MAX:
        raise Unavailable(
            "password", "too many people are signing in", retry_after_seconds=COME_BACK_SECONDS
        )
    return await trio.to_thread.run_sync(work, limiter=limiter)


def _limiter() -> trio.CapacityLimiter:
    try:
        return _running.get()
    except LookupError:
        limiter = trio.CapacityLimiter(HASHES_RUNNING_MAX)
        _running.set(limiter)
        return limiter
