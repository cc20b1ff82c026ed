"""What one device hears, held against the protocol: every push of every connection, strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.failures import Invariant, Judge


def conversation_topic(conversation_id: str) -> str:
    return f"conversation:{conversation_id}"


def short(name: str) -> str:
    """The end of an id, for the trace: `user:…` becomes `u-5f21`."""
    kind, _, id_ = name.rpartition(":")
    return f"{kind[:1]}-{id_[-4:]}" if kind else id_[-4:]


class Hearing:
    """One connection: per topic, which seq must come next. More than the SDK asks of a server,
    which would forgive a double, and come back after a gap."""

    def __init__(self, who: str, have: Mapping[str, int], judge: Judge) -> None:
        self._who = who
        self._judge = judge
        self._have = dict(have)
        self._next = {topic: seq + 1 for topic, seq in have.items()}
        self.is_caught_up = False

    def hears(self, message: Mapping[str, Any]) -> None:
        topic, seq, data = message.get("topic"), message.get("seq"), message["data"]
        if topic is not None and seq is not None:
            self._hears_entry(topic, seq, message["event"])
        match message["event"]:
            case "caught_up":
                self._hears_tips(data["topics"])
            case "resync":
                self._next[data["topic"]] = data["seq"] + 1
            case "conversation_added":
                added = conversation_topic(data["conversation"]["id"])
                self._next.setdefault(added, data["fromSeq"] + 1)
            case "conversation_removed":
                self._next.pop(conversation_topic(data["conversationId"]), None)

    def _hears_entry(self, topic: str, seq: int, event: str) -> None:
        due = self._next.get(topic)
        what = f"{self._who} hears {event} {short(topic)} {seq}"
        if due is None:
            self._judge.broken(Invariant.NOTHING_ELSE, f"{what}, which is not theirs")
        elif seq != due:
            self._judge.broken(Invariant.IN_ORDER, f"{what}, and {due} was due")
        self._next[topic] = seq + 1

    def _hears_tips(self, tips: Mapping[str, int]) -> None:
        """Live pushes follow each tip. What the client has beyond it may come a second time: this
        process has not heard of it yet, and the client knows it from another one."""
        self.is_caught_up = True
        for topic, tip in tips.items():
            due = self._next.get(topic, tip + 1)
            if due <= tip or (due > tip + 1 and due != self._have.get(topic, 0) + 1):
                what = f"{self._who} is caught up with {short(topic)} {tip}, and {due} was due"
                self._judge.broken(Invariant.IN_ORDER, what)
            self._next[topic] = tip + 1
        for topic in self._next.keys() - tips.keys():
            del self._next[topic]  # Not theirs any more; their own topic will say so.


@dataclass
class Thread:
    """A conversation as a device shows it: a snapshot, and what was pushed after it."""

    snapshot: list[Any] | None
    """None until it is loaded."""
    snapshot_seq: int
    """The topic's seq up to which the snapshot goes."""
    pushed: list[tuple[int, Any]] = field(default_factory=list)

    def messages(self) -> list[Any]:
        news = [message for seq, message in self.pushed if seq > self.snapshot_seq]
        return [*(self.snapshot or ()), *news]


class Book:
    """Everything one device shows, over all of its connections."""

    def __init__(self, who: str, judge: Judge) -> None:
        self._who = who
        self._judge = judge
        self.threads: dict[str, Thread] = {}
        self.unloaded: dict[str, None] = {}
        """Conversations whose history must be asked for."""
        self.heard: dict[str, dict[int, Any]] = {}
        """Topic → seq → what the app was given."""
        self.marks: dict[tuple[str, str, str], int] = {}

    def takes(self, message: Mapping[str, Any]) -> None:
        """What the SDK lets through: each entry once."""
        topic, seq, data = message.get("topic"), message.get("seq"), message["data"]
        if topic is not None and seq is not None:
            entries = self.heard.setdefault(topic, {})
            if seq in entries:
                what = f"{self._who} is given {short(topic)} {seq} twice"
                self._judge.broken(Invariant.IN_ORDER, what)
            entries[seq] = {"kind": message["event"], "data": data}
        match message["event"]:
            case "new_message":
                thread = self.threads.get(data["conversationId"])
                if thread is not None:
                    assert seq is not None
                    thread.pushed.append((seq, data))
            case "messages_read" | "messages_delivered" as kind:
                self._moves(kind, data)
            case "conversation_added":
                self._begins(data["conversation"]["id"], data["fromSeq"])
            case "conversation_removed":
                self.forget(data["conversationId"])
            case "caught_up":
                for tip in data["topics"]:
                    kind, _, id_ = tip.partition(":")
                    if kind == "conversation" and id_ not in self.threads:
                        self._reload(id_)
            case "resync":
                self._resync(data["topic"])

    def forget(self, conversation_id: str) -> None:
        self.threads.pop(conversation_id, None)
        self.unloaded.pop(conversation_id, None)

    def loaded(self, conversation_id: str, messages: list[Any], topic_seq: int) -> None:
        thread = self.threads.get(conversation_id)
        if thread is not None:
            thread.snapshot, thread.snapshot_seq = messages, topic_seq
            self.unloaded.pop(conversation_id, None)

    def _begins(self, conversation_id: str, from_seq: int) -> None:
        thread = self.threads.get(conversation_id)
        if thread is None:
            self.threads[conversation_id] = Thread([], from_seq)
        elif thread.snapshot is None:
            # It was in the list of tips already: then all from there on must have come.
            self.threads[conversation_id] = Thread([], from_seq, thread.pushed)
            self.unloaded.pop(conversation_id, None)

    def _moves(self, kind: str, data: Any) -> None:
        key = (kind, data["conversationId"], data["userId"])
        before = self.marks.get(key, 0)
        if data["seq"] < before:
            what = f"{self._who} sees {kind} of {short(data['userId'])} go from {before} to"
            self._judge.broken(Invariant.MARKS, f"{what} {data['seq']}")
        self.marks[key] = data["seq"]

    def _resync(self, topic: str) -> None:
        kind, _, id_ = topic.partition(":")
        if kind == "conversation":
            self._reload(id_)
        else:
            for conversation_id in list(self.threads):
                self._reload(conversation_id)

    def _reload(self, conversation_id: str) -> None:
        self.threads[conversation_id] = Thread(None, 0)
        self.unloaded[conversation_id] = None
