"""A device: the product's own Python SDK over a simulated network, with an app that is strict."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import trio

from bench.client import Client, Disconnected, RequestRefused
from storage import clock
from storage.domains.identity.access_tokens import issue_access_token
from tests.simulation.failures import Invariant
from tests.simulation.hearing import Book, Hearing, short
from tests.simulation.network import Link, MemoryStream

if TYPE_CHECKING:
    from tests.simulation.person import Person
    from tests.simulation.world import World

ORIGIN = "http://localhost:8000"
EVENTS_MAX = 1  # The app takes pushes where the SDK accepts them.
EXPIRED_PROBABILITY = 0.05
PATIENCE_SECONDS = 12.0


class Device:
    """One of somebody's. `client` is the SDK's, None while the device is switched off."""

    def __init__(self, world: World, person: Person, number: int) -> None:
        self.world = world
        self.person = person
        self.name = f"{person.name}{number}"
        self.chance = random.Random(f"device {world.seed} {self.name}")
        self.book = Book(self.name, world.judge)
        self.watched: list[str] = []
        self.presence: dict[str, str] = {}
        """What this device was last told of each person it watches."""
        self.state = "online"
        self.is_on = False
        self.client: Client | None = None
        self.stream: MemoryStream | None = None
        self.have: Mapping[str, int] = {}
        self.resyncs = 0
        self._told_at: dict[str, int] = {}
        self._replied_at: dict[int, int] = {}
        self._ticks = 0
        self._is_fresh = False
        self._work = trio.Event()
        self._scope = trio.CancelScope()

    # ---- on and off

    async def run(self) -> None:
        """Switched on, until `switch_off`."""
        client = Client(
            f"ws://{self.name}.sim/ws",
            self._token,
            self.have,
            origin=ORIGIN,
            events_max=EVENTS_MAX,
            chance=self.chance,
        )
        self._listen_in(client)
        self.client = client
        try:
            async with trio.open_nursery() as nursery:
                self._scope = nursery.cancel_scope
                nursery.start_soon(self._keep_up)
                await client.stay_connected()
                nursery.cancel_scope.cancel()
        except* Disconnected as group:
            self.world.trace.note(self.name, f"is refused: {group.exceptions[0]}")
        finally:
            self.have = dict(client.have)
            self.client = None
            self.is_on = False
            self.world.trace.note(self.name, "is off")

    async def switch_off(self) -> None:
        if self.client is not None:
            scope = self._scope
            await self.client.say_goodbye()
            scope.cancel()

    def die(self) -> None:
        """Without a goodbye."""
        self._scope.cancel()

    @property
    def link(self) -> Link | None:
        return self.stream.link if self.stream is not None else None

    async def _token(self) -> str:
        age = timedelta(hours=1 if self.chance.random() < EXPIRED_PROBABILITY else 0)
        if self.world.is_calm:
            age = timedelta()
        person = self.person
        return issue_access_token(
            self.world.settings.secret,
            user_id=person.actor.user_id,
            session_id=person.sessions[self.name],
            role="user",
            now=clock.utc_now() - age,
        )

    # ---- what comes by itself

    def _listen_in(self, client: Client) -> None:
        """See every push before the SDK does, and whether the SDK lets it through."""
        arrivals = client._arrivals
        begin, take = arrivals.begin, arrivals.take
        hearing: Hearing | None = None

        def begins() -> None:
            nonlocal hearing
            begin()
            hearing = Hearing(self.name, arrivals.have, self.world.judge)

        def takes(message: Mapping[str, Any]) -> bool:
            assert hearing is not None
            self._ticks += 1
            hearing.hears(message)
            topic, seq = message.get("topic"), message.get("seq")
            is_news = topic is None or seq is None or seq > arrivals.have.get(topic, -1)
            self._check_resync(message, arrivals.have)
            is_whole = take(message)
            if is_news and is_whole:
                self._takes(message)
            return is_whole

        arrivals.begin = begins  # type: ignore[method-assign]
        arrivals.take = takes  # type: ignore[method-assign]
        client._requests = _Replies(self._replied)

    def _takes(self, message: Mapping[str, Any]) -> None:
        event, data = message["event"], message["data"]
        if event == "presence":
            self.presence[data["userId"]] = data["state"]
            self._told_at[data["userId"]] = self._ticks
        elif event != "typing":
            name = short(message["topic"]) if message.get("topic") else ""
            self.world.trace.note(self.name, f"hears {event} {name} {message.get('seq', '')}")
        self.book.takes(message)
        if event == "caught_up":
            self._is_fresh = True
        if self._is_fresh or self.book.unloaded:
            self._work.set()

    def _check_resync(self, message: Mapping[str, Any], have: Mapping[str, int]) -> None:
        if message["event"] != "resync":
            return
        self.resyncs += 1
        topic, seq = message["data"]["topic"], message["data"]["seq"]
        missed = seq - have.get(topic, 0)
        if not self.world.replays_are_short and topic not in self.person.joined_again:
            what = f"{self.name} must load {short(topic)} anew, and missed {missed}"
            self.world.judge.broken(Invariant.NO_RESYNC, what)

    def _replied(self, request_id: int) -> None:
        self._ticks += 1
        self._replied_at[request_id] = self._ticks

    # ---- what the app does by itself

    async def _keep_up(self) -> None:
        """After each sign-in say whom one watches, and load what must be loaded."""
        while True:
            await self._work.wait()
            self._work = trio.Event()
            if self._is_fresh:
                self._is_fresh = False
                if self.state == "away":
                    await self.ask("set_presence", {"state": "away"})
                if self.watched and not await self.watch(self.watched):
                    self._is_fresh = True
            for conversation_id in list(self.book.unloaded):
                await self._load(conversation_id)
            if self._is_fresh or self.book.unloaded:
                await trio.sleep(0.5)
                self._work.set()

    async def _load(self, conversation_id: str) -> None:
        """The whole thread, newest page first; the pages before it can change no more."""
        asked = {"conversationId": conversation_id, "limit": 100}
        page = await self.ask("list_messages", asked)
        if page is None:
            return
        messages, topic_seq = page["messages"], page["topicSeq"]
        while page["hasBefore"]:
            page = await self.ask("list_messages", {**asked, "before": messages[0]["seq"]})
            if page is None:
                return
            messages = [*page["messages"], *messages]
        self.book.loaded(conversation_id, messages, topic_seq)

    async def watch(self, user_ids: list[str]) -> bool:
        self.watched = user_ids
        client = self.client
        request_id = client._last_id + 1 if client is not None else 0
        answer = await self.ask("watch_presence", {"userIds": user_ids})
        if answer is None:
            return False
        told_at = self._replied_at.get(request_id, 0)
        for one in answer["presence"]:
            if self._told_at.get(one["userId"], 0) < told_at:
                self.presence[one["userId"]] = one["state"]
        return True

    async def ask(
        self, event: str, data: Mapping[str, Any], *, refused: Callable[[str], None] | None = None
    ) -> Any:
        """The answer, or None when there was none; `refused` hears the code of a final no."""
        client = self.client
        if client is None:
            await trio.sleep(0.1)
            return None
        try:
            return await client.request(event, data, timeout_seconds=PATIENCE_SECONDS)
        except RequestRefused as refusal:
            self._check_refusal(event, refusal)
            if refused is not None and not refusal.retry:
                refused(refusal.code)
        except (Disconnected, trio.TooSlowError):
            pass
        return None

    def _check_refusal(self, event: str, refusal: RequestRefused) -> None:
        self.world.trace.note(self.name, f"is refused {event}: {refusal}")
        if refusal.code in ("internal_error", "invalid_input", "conflict"):
            what = f"{self.name} asks {event} and hears {refusal}"
            self.world.judge.broken(Invariant.NO_FAULT, what)


class _Replies(dict[int, Any]):
    """The SDK's waiting requests, which tells when a reply came."""

    def __init__(self, replied: Callable[[int], None]) -> None:
        super().__init__()
        self._replied = replied

    def get(self, key: int, default: Any = None) -> Any:
        self._replied(key)
        return super().get(key, default)
