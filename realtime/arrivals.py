"""Arriving: signing a connection in, subscribing it, and telling it what it missed.

Thousands come at once after an outage, so they are loaded together: one query for who they are
and what they listen to, one for what all of them missed. Live pushes are held meanwhile. A
connection that joins one more conversation later goes the same way, behind those before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import trio

from realtime import resume, wire
from realtime.arriving import Arrival, Joining, apart, goes_well, slices
from realtime.client import Client
from realtime.disconnects import BAD_TOKEN
from realtime.hub import Hub
from realtime.reader import Belongings, Reader, between_apart
from realtime.resume import Plan, Read
from storage.database import DatabaseUnavailable, QueryCanceled
from storage.domains.messaging import Subscription
from storage.errors import Unauthenticated, Unavailable
from storage.ids import new_id
from storage.journal import Span, user_topic

BATCH_MAX = 256
WAITING_MAX = 50_000
TRIES_MAX = 5
OUTAGES = (DatabaseUnavailable, QueryCanceled)


class Arrivals:
    """`arrived(client)` is called for each connection that is signed in from now on."""

    def __init__(
        self,
        hub: Hub,
        reader: Reader,
        *,
        ping_seconds: float,
        arrived: Callable[[Client], None],
        failed: Callable[[Client], None],
    ) -> None:
        self._hub = hub
        self._reader = reader
        self._ping_seconds = ping_seconds
        self._arrived = arrived
        self._failed = failed
        self._waiting: deque[Arrival | Joining] = deque()
        self._wake = trio.Event()

    def add(self, arrival: Arrival) -> None:
        if len(self._waiting) >= WAITING_MAX:
            self._refuse(arrival)
            return
        self._put(arrival)

    def join(self, client: Client, key: str, from_seq: int) -> None:
        """Listen to one more topic, from after `from_seq`."""
        if any(topic.key == key for topic in client.topics):
            return
        if len(self._waiting) >= WAITING_MAX:
            client.fall_behind()
            return
        topic = self._hub.subscribe(client, key, from_seq)
        # What was said before anybody here listened was not heard: the tip tells.
        self._hub.doubt([key])
        self._hub.delay(client, topic, from_seq)
        plan = Plan()
        # Here one may not have heard yet what came before: that is no future that they know.
        here = max(topic.seq, from_seq)
        plan.add(key, have=from_seq, from_seq=from_seq, here=here)
        if plan.resyncs:
            # The news is so old that they may have been removed since.
            client.fall_behind()
        elif plan.spans:
            self._put(Joining(client, plan, client.keep_place()))

    def _put(self, item: Arrival | Joining) -> None:
        self._waiting.append(item)
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            while self._waiting:
                size = min(len(self._waiting), BATCH_MAX)
                batch = [self._waiting.popleft() for _ in range(size)]
                await self._admit(batch)
            self._wake = trio.Event()

    async def _admit(self, batch: Sequence[Arrival | Joining]) -> None:
        arrivals = [item for item in batch if isinstance(item, Arrival)]
        joinings = [item for item in batch if isinstance(item, Joining)]
        subscribed = await apart(self._subscribe_all, arrivals)
        for some in slices([*subscribed, *joinings]):
            await apart(self._catch_up, some)

    async def _subscribe_all(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Those who listen from now on."""
        self._hub.loading_starts()
        try:
            found = await self._reader.belongings([arrival.actor for arrival in arrivals])
            return [one for one in arrivals if goes_well(one, self._subscribe, one, found)]
        except OUTAGES:
            for arrival in arrivals:
                self._refuse(arrival)
            return []
        finally:
            self._hub.loading_ends()

    def _subscribe(self, arrival: Arrival, found: Belongings) -> bool:
        """Listen now, hold what is heard, and note what is missing before it."""
        client, actor, hub = arrival.client, arrival.actor, self._hub
        if not client.is_open:
            return False
        if actor.session_id not in found.live_sessions:
            refusal = Unauthenticated("accessToken", "the session has ended")
            client.push(wire.refusal_reply([arrival.request_id], refusal))
            client.connection.close(BAD_TOKEN)
            return False
        own_key = user_topic(actor.user_id)
        # One's own topic first: it says which conversations one is in, and from where on.
        subscriptions = sorted(
            found.subscriptions[actor.user_id], key=lambda one: one.topic != own_key
        )
        outdated = self._outdated(subscriptions)
        if outdated:
            # A conversation may have been joined or left, or the session ended. Read again.
            arrival.tries += 1
            if arrival.tries < TRIES_MAX:
                self._put(arrival)
                return False
            # The journal has gone back behind what was heard, say by a restore.
            for key in outdated:
                hub.give_up(key)
        client.hold()
        client.actor = actor
        topics = hub.subscribe_all(client, [(one.topic, one.seq) for one in subscriptions])
        for one, topic in zip(subscriptions, topics, strict=True):
            # What was read may also be newer than what was heard: up to there it is replayed.
            here = arrival.tips[one.topic] = max(topic.seq, one.seq)
            have = arrival.have.get(one.topic)
            arrival.plan.add(one.topic, have=have, from_seq=one.from_seq, here=here)
            hub.delay(client, topic, max(here, one.from_seq))
        self._arrived(client)
        return True

    def _outdated(self, subscriptions: Sequence[Subscription]) -> list[str]:
        """Topics of which something was heard here that the snapshot does not know, and that may
        have changed what one listens to. One's own topic stands first."""
        own = subscriptions[0]
        outdated = [own.topic] if self._hub.heard_up_to(own.topic) > own.seq else []
        for one in subscriptions:
            topic = self._hub.topics.get(one.topic)
            if topic is not None and topic.last_removal > one.seq:
                outdated.append(one.topic)
        return outdated

    async def _catch_up(self, items: Sequence[Arrival | Joining]) -> list[Arrival | Joining]:
        """Tell each what it missed, then let go what was held."""
        try:
            read = await self._read_missed(items)
        except OUTAGES:
            # Signed in, but what was missed cannot be told: they come back and ask again.
            for item in items:
                item.client.fall_behind()
            return []
        return [item for item in items if goes_well(item, self._tell, item, read)]

    def _tell(self, item: Arrival | Joining, read: Read) -> bool:
        client = item.client
        if not client.is_open:
            return False
        if isinstance(item, Arrival):
            client.is_arriving = False
            client.push(wire.connected(item.request_id, self._greeting(item)))
        elif any(read.is_removed(client.user, span) for span in item.plan.spans):
            # Heard long before the news of their joining: what follows is not theirs any more.
            client.fall_behind()
            return False
        frames = resume.replay(item.plan, read, client.user, bytes_max=_room(client))
        if isinstance(item, Arrival):
            for frame in frames:
                client.push(frame)
            client.push(wire.caught_up(item.tips))
        else:
            client.fill_place(item.place, b"".join(frames))
        client.release()
        return True

    async def _read_missed(self, items: Sequence[Arrival | Joining]) -> Read:
        read = Read()
        await self._read(read, [span for item in items for span in item.plan.spans])
        # Whoever hears only now that they are in a conversation has missed all of it so far.
        more = [
            span for item in items if isinstance(item, Arrival) for span in _plan_added(item, read)
        ]
        await self._read(read, more)
        return read

    async def _read(self, read: Read, spans: Sequence[Span]) -> None:
        if spans:
            read.add(await between_apart(self._reader, resume.union(spans)))

    def _greeting(self, arrival: Arrival) -> wire.Connected:
        return wire.Connected(
            socket_id=new_id(),
            user_id=arrival.actor.user_id,
            session_id=arrival.actor.session_id,
            ping_seconds=self._ping_seconds,
        )

    def _refuse(self, arrival: Arrival) -> None:
        refusal = Unavailable("database", "try again", retry_after_seconds=1)
        arrival.client.push(wire.refusal_reply([arrival.request_id], refusal))
        self._failed(arrival.client)


def _plan_added(arrival: Arrival, read: Read) -> list[Span]:
    """Plan for the conversations that were added while away; the spans still to read."""
    client, plan = arrival.client, arrival.plan
    added = resume.conversations_added(plan, read, client.user, bytes_max=_room(client))
    plan.forbid_leaps(added)
    read_already = len(plan.spans)
    planned = {key for key, _, _ in plan.spans}
    for key, from_seq in added.items():
        here = arrival.tips.get(key)
        if here is not None and key not in arrival.have and key not in planned:
            plan.add(key, have=from_seq, from_seq=from_seq, here=here)
    return plan.spans[read_already:]


def _room(client: Client) -> int:
    """Bytes that a replay may have."""
    return resume.REPLAY_BYTES_MAX - client.connection.queue_bytes
