"""What this process does itself when something has happened: close, listen, listen no more.

Reactions run in the order of the topic, right after the event was delivered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from realtime.arrivals import Arrivals
from realtime.disconnects import SESSION_ENDED
from realtime.hub import Hub, Topic
from realtime.people import People
from storage.ids import ConversationId, SessionId, UserId
from storage.journal import Entry, conversation_topic

Reaction: TypeAlias = Callable[[Topic, Entry], None]


class _SessionRevoked(msgspec.Struct, rename="camel"):
    session_id: SessionId


class _AddedConversation(msgspec.Struct):
    id: ConversationId


class _ConversationAdded(msgspec.Struct, rename="camel"):
    conversation: _AddedConversation
    from_seq: int


class _ConversationRemoved(msgspec.Struct, rename="camel"):
    conversation_id: ConversationId


class _MemberRemoved(msgspec.Struct, rename="camel"):
    user_id: UserId


_session_revoked = msgspec.json.Decoder(_SessionRevoked)
_conversation_added = msgspec.json.Decoder(_ConversationAdded)
_conversation_removed = msgspec.json.Decoder(_ConversationRemoved)
_member_removed = msgspec.json.Decoder(_MemberRemoved)


class Reactions:
    """The hub's reaction."""

    def __init__(self, hub: Hub, people: People, arrivals: Arrivals) -> None:
        self._hub = hub
        self._people = people
        self._arrivals = arrivals
        self._by_kind: dict[str, Reaction] = {
            "session_revoked": self._end_session,
            "conversation_added": self._listen,
            "conversation_removed": self._listen_no_more,
            "member_removed": self._let_go,
        }

    def __call__(self, topic: Topic, entry: Entry) -> None:
        reaction = self._by_kind.get(entry.kind)
        if reaction is not None:
            reaction(topic, entry)

    def _end_session(self, topic: Topic, entry: Entry) -> None:
        assert entry.body is not None
        session_id = _session_revoked.decode(entry.body).session_id
        for client in self._people.of_session(_user_of(topic), session_id):
            client.connection.close(SESSION_ENDED)

    def _listen(self, topic: Topic, entry: Entry) -> None:
        assert entry.body is not None
        added = _conversation_added.decode(entry.body)
        key = conversation_topic(added.conversation.id)
        for client in self._people.of(_user_of(topic)):
            if topic in client.topics:
                self._arrivals.join(client, key, added.from_seq)

    def _listen_no_more(self, topic: Topic, entry: Entry) -> None:
        assert entry.body is not None
        key = conversation_topic(_conversation_removed.decode(entry.body).conversation_id)
        self._unsubscribe(_user_of(topic), key, entry_seq=None)

    def _let_go(self, topic: Topic, entry: Entry) -> None:
        """The conversation's own word comes in order with its messages: after it, none."""
        assert entry.body is not None
        user = str(_member_removed.decode(entry.body).user_id)
        self._unsubscribe(user, topic.key, entry_seq=entry.seq)

    def _unsubscribe(self, user: str, key: str, *, entry_seq: int | None) -> None:
        topic = self._hub.topics.get(key)
        if topic is None:
            return
        for client in self._people.of(user):
            # Who has joined again since then listens from later on, and stays.
            later = (topic.late or {}).get(client, 0)
            if topic in client.topics and (entry_seq is None or later < entry_seq):
                self._hub.unsubscribe(client, topic)


def _user_of(topic: Topic) -> str:
    return topic.key.removeprefix("user:")
