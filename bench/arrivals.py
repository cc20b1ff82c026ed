"""What came by itself: each lasting push once, in its topic's order, and what is had of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import trio


@dataclass(frozen=True, slots=True)
class Push:
    """`topic` and `seq` are None for what does not last: typing, presence."""

    event: str
    data: Any
    topic: str | None = None
    seq: int | None = None


class Arrivals:
    def __init__(self, have: Mapping[str, int], events_max: int) -> None:
        self.have = dict(have)
        self.dropped_count = 0
        self.caught_up = trio.Event()
        self._sending, self.events = trio.open_memory_channel[Push](events_max)

    def begin(self) -> None:
        """A connection begins: it is behind until it says otherwise."""
        if self.caught_up.is_set():
            self.caught_up = trio.Event()

    def close(self) -> None:
        self._sending.close()

    def take(self, message: Mapping[str, Any]) -> bool:
        """False when something is missing before it: come back with `have`, and it will be sent."""
        push = Push(message["event"], message["data"], message.get("topic"), message.get("seq"))
        if push.topic is not None and push.seq is not None:
            last = self.have.get(push.topic)
            if last is not None and push.seq <= last:
                return True
            if last is not None and push.seq > last + 1:
                return False
            self.have[push.topic] = push.seq
        self._learn(push)
        try:
            self._sending.send_nowait(push)
        except (trio.WouldBlock, trio.BrokenResourceError):
            self.dropped_count += 1
        return True

    def _learn(self, push: Push) -> None:
        """Where topics begin, end, or are to be gone on from."""
        match push.event:
            case "caught_up":
                for topic, seq in push.data["topics"].items():
                    self.have[topic] = max(seq, self.have.get(topic, 0))
                self.caught_up.set()
            case "resync":
                self.have[push.data["topic"]] = push.data["seq"]
            case "conversation_added":
                topic = f"conversation:{push.data['conversation']['id']}"
                self.have.setdefault(topic, push.data["fromSeq"])
            case "conversation_removed":
                self.have.pop(f"conversation:{push.data['conversationId']}", None)
