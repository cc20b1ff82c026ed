"""Everything a client may be told unasked, and in which topics: what the socket's description says.

Whoever emits an event chooses its topic; the tests hold this table against what is emitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from realtime import wire
from storage.domains import friends, identity, messaging, presence, profiles

TopicKind: TypeAlias = Literal["conversation", "user"]

OF_CONVERSATION: Final[tuple[TopicKind, ...]] = ("conversation",)
OF_USER: Final[tuple[TopicKind, ...]] = ("user",)
OF_EITHER: Final[tuple[TopicKind, ...]] = ("conversation", "user")
WITHOUT: Final[tuple[TopicKind, ...]] = ()
"""Ephemeral: said once, without a number, and stored nowhere."""


@dataclass(frozen=True, slots=True)
class Told:
    name: str
    body_type: Any
    topics: tuple[TopicKind, ...]
    summary: str


def _lasting(event: Any, topics: tuple[TopicKind, ...], summary: str) -> Told:
    return Told(event.kind, event, topics, summary)


PUSHES: Final = (
    _lasting(
        messaging.NewMessage,
        OF_CONVERSATION,
        "A message; `clientId` is for its author alone.",
    ),
    _lasting(
        messaging.MessagesDelivered,
        OF_EITHER,
        "Somebody has received up to a message. In the own topic where not all members hear of it.",
    ),
    _lasting(
        messaging.MessagesRead,
        OF_EITHER,
        "Somebody has read up to a message, and so received it.",
    ),
    _lasting(
        messaging.ConversationAdded,
        OF_USER,
        "One is in a conversation: its topic follows, beginning after `fromSeq`.",
    ),
    _lasting(
        messaging.ConversationRemoved,
        OF_USER,
        "One has left, or was removed: the conversation's topic ends.",
    ),
    _lasting(messaging.ConversationUpdated, OF_CONVERSATION, "A group has another name."),
    _lasting(messaging.MemberAdded, OF_CONVERSATION, "Somebody came into the group."),
    _lasting(messaging.MemberRemoved, OF_CONVERSATION, "Somebody left, or was removed."),
    _lasting(messaging.MemberUpdated, OF_CONVERSATION, "Somebody has another role."),
    _lasting(friends.FriendRequested, OF_USER, "Somebody asked to be friends, or one asked them."),
    _lasting(friends.FriendRequestRemoved, OF_USER, "A request was declined or taken back."),
    _lasting(friends.FriendAdded, OF_USER, "Somebody is a friend now."),
    _lasting(friends.FriendRemoved, OF_USER, "Somebody is no friend any more."),
    _lasting(friends.UserBlocked, OF_USER, "One has blocked somebody, at another device."),
    _lasting(friends.UserUnblocked, OF_USER, "One has undone a block, at another device."),
    _lasting(profiles.ProfileUpdated, OF_USER, "One has changed one's profile."),
    _lasting(profiles.SettingsUpdated, OF_USER, "One has changed one's settings."),
    _lasting(identity.SessionAdded, OF_USER, "One has signed in somewhere."),
    _lasting(identity.SessionRevoked, OF_USER, "A session of one's own has ended."),
    Told(
        messaging.TYPING,
        messaging.TypingPush,
        WITHOUT,
        "Somebody is typing, or has stopped; it ends by itself after 6 seconds.",
    ),
    Told("presence", presence.Presence, WITHOUT, "Somebody watched is here, away or gone."),
    Told(
        "caught_up",
        wire.CaughtUp,
        WITHOUT,
        "All that was missed has been told: the tips of the connection's topics.",
    ),
    Told(
        "resync",
        wire.Resync,
        WITHOUT,
        "In place of a replay, or of a push that cannot be read: load this topic's conversation or "
        "lists anew, and go on from `seq`.",
    ),
)
