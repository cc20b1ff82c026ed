"""What this process does itself when something has happened: close, listen, listen no more.

Reactions run in the order of the topic, right after the event was delivered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from realtime import events
from realtime.arrivals import Arrivals
from realtime.disconnects import SESSION_ENDED
from realtime.hub import Hub
from realtime.people import People
from realtime.topic import Topic
from storage.journal import Entry, conversation_topic

Reaction: TypeAlias = Callable[[Topic, Entry], None]


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
        session_id = events.read_session_revoked(entry.body).session_id
        for client in self._people.of_session(_user_of(topic), session_id):
            client.connection.close(SESSION_ENDED)

    def _listen(self, topic: Topic, entry: Entry) -> None:
        assert entry.body is not None
        added = events.read_conversation_added(entry.body)
        key = conversation_topic(added.conversation.id)
        for client in self._people.of(_user_of(topic)):
            # Who came after this was stored knows it, and listens already if it still holds.
            if topic in client.topics and topic.is_for(client, entry.seq):
                self._arrivals.join(client, key, added.from_seq)

    def _listen_no_more(self, topic: Topic, entry: Entry) -> None:
        assert entry.body is not None
        key = conversation_topic(events.read_conversation_removed(entry.body).conversation_id)
        self._unsubscribe(_user_of(topic), key, by=topic, entry=entry)

    def _let_go(self, topic: Topic, entry: Entry) -> None:
        """The conversation's own word comes in order with its messages: after it, none."""
        assert entry.body is not None
        topic.last_removal = entry.seq
        user = str(events.read_member_removed(entry.body).user_id)
        self._unsubscribe(user, topic.key, by=topic, entry=entry)

    def _unsubscribe(self, user: str, key: str, *, by: Topic, entry: Entry) -> None:
        """`by`: the topic that says so."""
        topic = self._hub.topics.get(key)
        if topic is None:
            return
        for client in self._people.of(user):
            # Who has joined again since then listens from later on, and stays.
            if topic in client.topics and by.is_for(client, entry.seq):
                self._hub.unsubscribe(client, topic)


def _user_of(topic: Topic) -> str:
    return topic.key.removeprefix("user:")
