"""Who is there: leases of the processes people are connected to, and who may know."""

from storage.domains.presence.leases import DEAD_SECONDS, PresentState, beat, reap, save
from storage.domains.presence.states import (
    WATCHED_MAX,
    Pair,
    Presence,
    SetPresence,
    State,
    WatchedPresence,
    WatchPresence,
    presence_of,
    set_presence,
    watch_presence,
)
from storage.domains.presence.verify import CHECKS

__all__ = [
    "CHECKS",
    "DEAD_SECONDS",
    "WATCHED_MAX",
    "Pair",
    "Presence",
    "PresentState",
    "SetPresence",
    "State",
    "WatchPresence",
    "WatchedPresence",
    "beat",
    "presence_of",
    "reap",
    "save",
    "set_presence",
    "watch_presence",
]
