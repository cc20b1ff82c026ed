"""Every close code this server sends, and whether a client should come back after it."""

from dataclasses import dataclass
from typing import Final

POLICY_CODE: Final = 1008
STAY_AWAY_CODES: Final = range(4500, 5000)


def may_come_back(code: int) -> bool:
    """Whether a client may reconnect by itself after this close code (docs/protocol.md)."""
    return code != POLICY_CODE and code not in STAY_AWAY_CODES


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Why a connection ends. `reason` is one word for programs, at most 123 bytes of UTF-8."""

    code: int
    reason: str
    come_back: bool

    def __post_init__(self) -> None:
        assert self.come_back == may_come_back(self.code), "the code says it, so it must agree"
        assert len(self.reason.encode()) <= 123, "a close frame has no room for more"


NORMAL: Final = Disconnect(1000, "", come_back=True)
PROTOCOL_ERROR: Final = Disconnect(1002, "protocol_error", come_back=True)
TEXT_ONLY: Final = Disconnect(1003, "text_only", come_back=True)
INVALID_TEXT: Final = Disconnect(1007, "invalid_text", come_back=True)
POLICY_VIOLATION: Final = Disconnect(POLICY_CODE, "policy_violation", come_back=False)
TOO_LARGE: Final = Disconnect(1009, "too_large", come_back=True)
INTERNAL_ERROR: Final = Disconnect(1011, "internal_error", come_back=True)

GOING_AWAY: Final = Disconnect(4000, "going_away", come_back=True)
SLOW_READER: Final = Disconnect(4001, "slow_reader", come_back=True)
CONNECT_TIMEOUT: Final = Disconnect(4002, "connect_timeout", come_back=True)
TOO_FAST: Final = Disconnect(4003, "too_fast", come_back=True)
IDLE: Final = Disconnect(4004, "idle", come_back=True)
BAD_TOKEN: Final = Disconnect(4005, "bad_token", come_back=True)
BEHIND: Final = Disconnect(4006, "behind", come_back=True)
SESSION_ENDED: Final = Disconnect(4500, "session_ended", come_back=False)
TOO_MANY_CONNECTIONS: Final = Disconnect(4501, "too_many_connections", come_back=False)
