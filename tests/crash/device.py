"""A device that is sometimes there: the SDK's client, what came to it, and its marks."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import trio

from bench.client import Client, Disconnected, Push, RequestRefused, connect
from storage.actor import Actor
from tests.crash.evidence import Heard, HeardMark, HeardMessage, MarkAnswer
from tests.crash.notes import worded
from tests.crash.product import Product, token_of

STAYS_SECONDS = (3.0, 25.0)
AWAY_SECONDS = (0.2, 4.0)
CUT_SECONDS = 1.0
"""What is slow for so long after the device itself broke off is no fault of the product."""
MARK_PAUSE_SECONDS = (0.2, 1.5)
MARK_SECONDS_MAX = 10.0
MARKED_BACK_MAX = 5
PAGE_MESSAGES = 100
EVENTS_MAX = 100_000


class Device:
    """`client` is None while it is away. `troubles`: what no client should ever be told."""

    def __init__(self, product: Product, owner: Actor, name: str, chance: random.Random) -> None:
        self.name = name
        self.owner = owner
        self.client: Client | None = None
        self.heard = Heard(name, str(owner.user_id))
        self.heard_at: dict[str, float] = {}
        """When each message came, by its id."""
        self.last_seqs: dict[str, int] = {}
        self.groups: list[str] = []
        self.marked: list[MarkAnswer] = []
        self.absences: list[tuple[float, float]] = []
        self.resyncs: list[str] = []
        self.troubles: list[str] = []
        self._product = product
        self._chance = chance
        self._have: Mapping[str, int] = {}
        self._loaded: dict[str, int] = {}

    async def live(
        self, over: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Come and go until it is over; then come back for good. Started once it is there."""
        while not over.is_set():
            await self._visit(self._chance.uniform(*STAYS_SECONDS), over, task_status)
            task_status = trio.TASK_STATUS_IGNORED
            left = trio.current_time()
            with trio.move_on_after(self._chance.uniform(*AWAY_SECONDS)):
                await over.wait()
            self.absences.append((left, trio.current_time() + CUT_SECONDS))
        await self._visit(math.inf, trio.Event(), task_status, marks=False)

    async def cut(self) -> None:
        """Break off without a goodbye; the client comes back by itself."""
        if self.client is not None:
            now = trio.current_time()
            self.absences.append((now, now + CUT_SECONDS))
            await self.client.cut()

    def was_absent(self, since: float, until: float) -> bool:
        """Whether it was away by its own will at any time in between."""
        return any(left < until and since < back for left, back in self.absences)

    async def _token(self) -> str:
        return token_of(self.owner)

    async def _visit(
        self,
        seconds: float,
        over: trio.Event,
        task_status: trio.TaskStatus[None],
        *,
        marks: bool = True,
    ) -> None:
        """From a connection's beginning to its end; all that came with it is noted."""
        async with (
            trio.open_nursery() as listening,
            connect(
                self._product.socket_url,
                self._token,
                self._have,
                origin=self._product.origin,
                events_max=EVENTS_MAX,
                chance=self._chance,
            ) as client,
            trio.open_nursery() as doing,
        ):
            with trio.move_on_after(seconds) as staying:
                listening.start_soon(self._listen, client, staying)
                await client.wait_caught_up()
                self.client = client
                task_status.started()
                if marks:
                    doing.start_soon(self._mark_for_ever, client)
                await over.wait()
            self.client = None
            doing.cancel_scope.cancel()
        # The listener has read all there was.
        self._have = dict(client.have)
        self.heard.dropped += client.dropped_count

    async def _listen(self, client: Client, staying: trio.CancelScope) -> None:
        async for push in client.events:
            await self._take(client, push)
        if self.client is client:
            self.troubles.append(f"{self.name} was sent away")
            staying.cancel()

    async def _take(self, client: Client, push: Push) -> None:
        data = push.data
        match push.event:
            case "new_message":
                # What a page of history brought comes once more when it was read meanwhile.
                if push.seq is None or push.seq > self._loaded.get(push.topic or "", 0):
                    self._note(data)
            case "messages_read" | "messages_delivered":
                kind = push.event.removeprefix("messages_")
                mark = HeardMark(data["conversationId"], data["userId"], kind, data["seq"])
                self.heard.marks.append(mark)
            case "conversation_added" if data["conversation"]["kind"] == "group":
                self.groups.append(data["conversation"]["id"])
            case "resync":
                kind, _, place = data["topic"].partition(":")
                has = self.last_seqs.get(place)
                self.resyncs.append(f"{self.name} has {has}, resync {data}")
                if kind == "conversation":
                    await self._load(client, place)

    def _note(self, data: Mapping[str, Any]) -> None:
        message = HeardMessage(
            data["conversationId"], data["seq"], data["id"], data["senderId"], worded(data)
        )
        self.heard.messages.append(message)
        self.heard_at[message.message] = trio.current_time()
        self.last_seqs[message.conversation] = message.seq

    async def _load(self, client: Client, place: str) -> None:
        """Too much was missed to be replayed: read it page by page."""
        while True:
            after = self.last_seqs.get(place, 0)
            asked = {"conversationId": place, "after": after, "limit": PAGE_MESSAGES}
            try:
                page = await client.request("list_messages", asked)
            except (RequestRefused, Disconnected, trio.TooSlowError) as error:
                if isinstance(error, RequestRefused) and not error.retry:
                    self.troubles.append(f"{self.name} may not read {place}: {error}")
                    return
                await trio.sleep(self._chance.uniform(*MARK_PAUSE_SECONDS))
                continue
            for message in page["messages"]:
                self._note(message)
            self._loaded[f"conversation:{place}"] = page["topicSeq"]
            if not page["hasAfter"]:
                return

    async def _mark_for_ever(self, client: Client) -> None:
        """One mark after the other, sometimes of something older than the last."""
        while True:
            await trio.sleep(self._chance.uniform(*MARK_PAUSE_SECONDS))
            if not self.last_seqs:
                continue
            place = self._chance.choice(list(self.last_seqs))
            last = self.last_seqs[place]
            seq = self._chance.randint(max(1, last - MARKED_BACK_MAX), last)
            kind = self._chance.choice(("read", "delivered"))
            try:
                answer = await client.request(
                    f"mark_{kind}",
                    {"conversationId": place, "seq": seq},
                    timeout_seconds=MARK_SECONDS_MAX,
                )
            except RequestRefused as refusal:
                if not refusal.retry:
                    self.troubles.append(f"{self.name} may not mark {seq} of {place}: {refusal}")
            except (Disconnected, trio.TooSlowError):
                pass  # It may have moved or not.
            else:
                person = self.heard.person
                answered = answer[f"{kind}Seq"]
                self.marked.append(MarkAnswer(place, person, self.name, kind, seq, answered))
