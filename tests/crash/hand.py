"""One of a person's hands: it writes a message, and tries until that is answered, then the next.

It knows every bad habit of clients and networks: it loses the connection before the answer, sends
twice over one socket, over two, or over both doors, and gives a request up once it is written.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias
from uuid import UUID

import trio

from bench.client import Client, Disconnected, RequestRefused
from tests.crash import http
from tests.crash.device import Device
from tests.crash.evidence import Ack, Write
from tests.crash.product import Product, token_of

RETRY_SECONDS = (0.05, 0.3)
SOCKET_SECONDS_MAX = 15.0
CUT_AFTER_SECONDS = 0.02
LONG_TEXT = "\N{TEACUP WITHOUT HANDLE}" * 3_000  # Too large for the bus: it travels by reference.
LONG_CHANCE = 0.02
NEITHER_LOST_NOR_FOUND = (http.NoAnswer, Disconnected, trio.TooSlowError)

Try: TypeAlias = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Wait:
    """From the first try to the first answer. `hindered`: by its device's or its own will."""

    began: float
    ended: float
    message: str
    hindered: bool


class Hand:
    """`device` is the one it holds; `devices` are all of its owner's."""

    def __init__(
        self,
        product: Product,
        device: Device,
        devices: Sequence[Device],
        peers: Sequence[str],
        chance: random.Random,
    ) -> None:
        self.writes: list[Write] = []
        self.waits: list[Wait] = []
        self._product = product
        self._device = device
        self._devices = devices
        self._peers = peers
        self._chance = chance

    async def write_until(self, over: trio.Event, pause_seconds: tuple[float, float]) -> None:
        """Ends when the last message is answered."""
        while True:
            with trio.move_on_after(self._chance.uniform(*pause_seconds)):
                await over.wait()
            if over.is_set():
                return
            await self._write_one()

    async def _write_one(self) -> None:
        chance = self._chance
        text = f"{self._device.name} says {len(self.writes)}"
        if chance.random() < LONG_CHANCE:
            text += LONG_TEXT
        groups = self._device.groups
        if groups and chance.random() < 0.5:
            place = {"conversationId": chance.choice(groups)}
        else:
            place = {"to": chance.choice(self._peers)}
        client_id = str(UUID(int=chance.getrandbits(128), version=4))
        command = {**place, "text": text, "clientId": client_id}
        write = Write(
            author=str(self._device.owner.user_id), writer=f"hand of {self._device.name}", text=text
        )
        self.writes.append(write)
        began = trio.current_time()
        misbehaved = await self._deliver(write, command)
        now = trio.current_time()
        hindered = misbehaved or self._device.was_absent(began, now)
        if write.acks:
            self.waits.append(Wait(began, now, write.acks[0].message, hindered))

    async def _deliver(self, write: Write, command: Mapping[str, Any]) -> bool:
        """Try until there is an answer; whether it made that harder than it is."""
        misbehaved = False
        while not write.acks and not write.refusals:
            tries, bad = self._way(command)
            misbehaved = misbehaved or bad
            async with trio.open_nursery() as nursery:
                for one in tries:
                    nursery.start_soon(self._try, write, one)
        return misbehaved

    async def _try(self, write: Write, one: Try) -> None:
        write.tries += 1
        try:
            answer = await one()
        except RequestRefused as refusal:
            if refusal.retry:
                await trio.sleep(refusal.retry_after or self._chance.uniform(*RETRY_SECONDS))
            else:
                write.refusals.append(f"{refusal.code} {refusal.subject}")
        except NEITHER_LOST_NOR_FOUND:
            await trio.sleep(self._chance.uniform(*RETRY_SECONDS))
        else:
            write.acks.append(Ack(answer["conversationId"], answer["id"], answer["seq"]))

    def _way(self, command: Mapping[str, Any]) -> tuple[list[Try], bool]:
        """How it is sent this time, and whether no honest client would."""
        over_http = partial(self._over_http, command)
        client = self._device.client
        if client is None:
            return [over_http], False
        over_socket = partial(self._over_socket, client, command)
        others = [one.client for one in self._devices if one.client not in (client, None)]
        way = self._chance.choices(WAYS, WEIGHTS)[0]
        if way == "http":
            return [over_http], False
        if way == "http given up":
            return [partial(self._over_http, command, reads_answer=False)], True
        if way == "cut":
            return [over_socket, self._cut_soon], True
        if way == "twice on one socket":
            return [over_socket, over_socket], True
        if way == "on two sockets" and others:
            return [over_socket, partial(self._over_socket, others[0], command)], True
        if way == "through both doors":
            return [over_socket, over_http], True
        return [over_socket], False

    async def _over_socket(self, client: Client | None, command: Mapping[str, Any]) -> Any:
        assert client is not None
        return await client.request("send_message", command, timeout_seconds=SOCKET_SECONDS_MAX)

    async def _over_http(self, command: Mapping[str, Any], *, reads_answer: bool = True) -> Any:
        token = token_of(self._device.owner)
        port = self._product.http_port
        return await http.request(
            port, "POST", "/messages", command, token=token, reads_answer=reads_answer
        )

    async def _cut_soon(self) -> Any:
        await trio.sleep(self._chance.uniform(0, CUT_AFTER_SECONDS))
        await self._device.cut()
        raise http.NoAnswer("cut")


WAYS = (
    "socket",
    "http",
    "http given up",
    "cut",
    "twice on one socket",
    "on two sockets",
    "through both doors",
)
WEIGHTS = (55, 15, 4, 8, 6, 6, 6)
