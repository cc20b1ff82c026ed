"""Who is asking. Both doors build an actor from a session; nothing below asks how."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from storage.ids import SessionId, UserId

Role: TypeAlias = Literal["user", "creator", "moderator", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A signed-in person, in one of their sessions."""

    user_id: UserId
    session_id: SessionId
    role: Role = "user"
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who is not signed in: an address, and what their device calls itself."""

    address: str
    user_agent: str = ""
