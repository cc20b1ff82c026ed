"""People with habits: they talk, read, meet in groups, fall out, and travel through tunnels."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import trio

from storage.actor import Actor
from storage.domains import messaging
from storage.domains.messaging import SendMessage
from storage.errors import Refusal
from storage.ids import SessionId
from storage.words import encode_json
from tests.simulation.device import Device
from tests.simulation.failures import Invariant
from tests.simulation.hearing import conversation_topic, short
from tests.simulation.ledger import Sent
from tests.simulation.network import delay

if TYPE_CHECKING:
    from tests.simulation.world import World

MARKS = {"mark_read": "readSeq", "mark_delivered": "deliveredSeq"}


class Person:
    def __init__(self, world: World, name: str, actor: Actor, sessions: list[SessionId]) -> None:
        self.world = world
        self.name = name
        self.actor = actor
        self.id = str(actor.user_id)
        self.chance = random.Random(f"person {world.seed} {name}")
        names = [f"{name}{number}" for number in range(1, len(sessions) + 1)]
        self.sessions = dict(zip(names, sessions, strict=True))
        self.devices = [Device(world, self, number + 1) for number in range(len(sessions))]
        self.joined_again: set[str] = set()
        """Topics of groups they were added to: what they had of one need not lead on."""
        self.floors: dict[tuple[str, str], int] = {}
        """(mark, conversation) → what was answered once."""
        self._count = 0

    @property
    def others(self) -> list[Person]:
        return [one for one in self.world.people if one is not self]

    async def live(self) -> None:
        """Do one thing after the other, until peace is called."""
        for device in self.devices:
            device.watched = [one.id for one in self.others]
        while not self.world.is_calm:
            await trio.sleep(self.chance.expovariate(1 / self.world.pause_seconds))
            [habit] = self.chance.choices(list(HABITS), list(HABITS.values()))
            await habit(self, self.chance.choice(self.devices))

    # ---- habits

    async def talk(self, device: Device) -> None:
        self._count += 1
        known = list(device.book.threads)
        if known and self.chance.random() < 0.8:
            target = {"conversationId": self.chance.choice(known)}
        else:
            target = {"to": self.chance.choice(self.others).id}
        text = f"{self.name} {self._count} " + "x" * self.chance.choice([0, 0, 0, 50, 900])
        client_id = UUID(int=self.chance.getrandbits(128), version=4)
        sent = Sent(self.actor.user_id, client_id, text.strip(), target)
        self.world.ledger.all.append(sent)
        self.world.soon(self._send, device, sent)
        while self.chance.random() < 0.3:  # A second try, before the first one is answered.
            if self.chance.random() < 0.5:
                self.world.soon(self._send_once, self.chance.choice(self.devices), sent)
            else:
                self.world.soon(self._send_elsewhere, sent)

    async def _send(self, device: Device, sent: Sent) -> None:
        while not sent.is_settled:
            await self._send_once(device, sent)
            if not sent.is_settled:
                await trio.sleep(self.chance.uniform(0.1, 1.0))
                device = self.chance.choice(self.devices)

    async def _send_once(self, device: Device, sent: Sent) -> None:
        await trio.sleep(self.chance.choice([0, 0.01, 0.3]))
        data = {**sent.target, "text": sent.text, "clientId": str(sent.client_id)}
        answer = await device.ask("send_message", data, refused=sent.refuse)
        if answer is not None:
            name = short(answer["conversationId"])
            self.world.trace.note(device.name, f"sent '{sent.text[:12]}' {name} {answer['seq']}")
            self.world.ledger.acknowledged(sent, answer)

    async def _send_elsewhere(self, sent: Sent) -> None:
        """Through the gate of any process, as the HTTP door would."""
        await trio.sleep(delay(self.chance))
        up = [process for process in self.world.processes if process.is_up]
        if not up:
            return
        process = self.chance.choice(up)
        words = {**sent.target, "text": sent.text, "clientId": str(sent.client_id)}
        command = msgspec.convert(words, SendMessage)
        try:
            answer = await process.gate.perform(messaging.send_message, self.actor, command)
        except Refusal:
            return
        if process.is_up:
            self.world.trace.note(self.name, f"sent '{sent.text[:12]}' over HTTP {answer.seq}")
            self.world.ledger.acknowledged(sent, msgspec.json.decode(encode_json(answer)))

    async def read(self, device: Device) -> None:
        """Often forward, sometimes back; and many at once, as when scrolling."""
        thread = self._some_thread(device)
        if thread is None:
            return
        conversation_id, last_seq = thread
        for _ in range(self.chance.choice([1, 1, 3])):
            event = self.chance.choice(list(MARKS))
            seq = last_seq if self.chance.random() < 0.6 else self.chance.randint(1, last_seq)
            self.world.soon(self._mark, device, event, conversation_id, seq)

    async def _mark(self, device: Device, event: str, conversation_id: str, seq: int) -> None:
        key = (event, conversation_id)
        floor = max(seq, self.floors.get(key, 0))
        answer = await device.ask(event, {"conversationId": conversation_id, "seq": seq})
        if answer is None:
            return
        answered = answer[MARKS[event]]
        if answered < floor:
            what = f"{device.name} asks {event} {seq} and hears {answered}, {floor} stood"
            self.world.judge.broken(Invariant.MARKS, what)
        self.floors[key] = max(self.floors.get(key, 0), answered)

    async def meet(self, device: Device) -> None:
        self._count += 1
        some = self.chance.sample(self.others, self.chance.randint(1, len(self.others)))
        client_id = UUID(int=self.chance.getrandbits(128), version=4)
        asked = {
            "name": f"{self.name}'s {self._count}",
            "userIds": [one.id for one in some],
            "clientId": str(client_id),
        }
        await device.ask("create_group", asked)

    async def invite(self, device: Device) -> None:
        thread = self._some_thread(device)
        if thread is not None:
            other = self.chance.choice(self.others)
            other.joined_again.add(conversation_topic(thread[0]))
            asked = {"conversationId": thread[0], "userIds": [other.id]}
            await device.ask("add_members", asked)

    async def expel(self, device: Device) -> None:
        thread = self._some_thread(device)
        if thread is not None:
            asked = {"conversationId": thread[0], "userId": self.chance.choice(self.others).id}
            await device.ask("remove_member", asked)

    async def leave(self, device: Device) -> None:
        thread = self._some_thread(device)
        if thread is not None:
            await device.ask("leave_conversation", {"conversationId": thread[0]})

    async def rename(self, device: Device) -> None:
        thread = self._some_thread(device)
        if thread is not None:
            asked = {"conversationId": thread[0], "name": f"{self.name} was here"}
            await device.ask("update_conversation", asked)

    async def type(self, device: Device) -> None:
        thread = self._some_thread(device)
        if thread is not None:
            await device.ask("typing", {"conversationId": thread[0]})

    async def doze(self, device: Device) -> None:
        device.state = self.chance.choice(["online", "away"])
        await device.ask("set_presence", {"state": device.state})

    async def look(self, device: Device) -> None:
        some = self.chance.sample(self.others, self.chance.randint(1, len(self.others)))
        if not await device.watch([one.id for one in some]):
            device._is_fresh = True  # Asked again with the next connection.

    async def quarrel(self, device: Device) -> None:
        event = self.chance.choice(["block_user", "unblock_user", "unblock_user"])
        await device.ask(event, {"userId": self.chance.choice(self.others).id})

    async def befriend(self, device: Device) -> None:
        await device.ask("request_friend", {"userId": self.chance.choice(self.others).id})

    # ---- the network's

    async def lose(self, device: Device) -> None:
        if device.link is not None:
            self.world.trace.note(device.name, "loses its connection")
            device.link.cut()

    async def tunnel(self, device: Device) -> None:
        """Half-open: nothing comes through in one direction, or in both, and nobody says so."""
        if device.link is not None:
            ways = [device.link.to_server, device.link.to_client]
            silent = self.chance.choice([ways[:1], ways[1:], ways])
            self.world.trace.note(device.name, "drives into a tunnel")
            for way in silent:
                way.silence()

    async def stall(self, device: Device) -> None:
        if device.stream is not None:
            self.world.trace.note(device.name, "stops reading")
            device.stream.reads_from = trio.current_time() + self.chance.uniform(1, 8)

    async def sleep(self, device: Device) -> None:
        """Switched off, for a moment or for long."""
        await device.switch_off()

        async def wake() -> None:
            await trio.sleep(self.chance.choice([0.05, 0.5, 3.0, 8.0]))
            self.world.switch_on(device)

        self.world.soon(wake)

    def _some_thread(self, device: Device) -> tuple[str, int] | None:
        """A conversation in which this device has seen something, and its last number."""
        found: list[tuple[str, int]] = []
        for conversation_id, thread in device.book.threads.items():
            messages = thread.messages()
            if messages:
                found.append((conversation_id, messages[-1]["seq"]))
        return self.chance.choice(found) if found else None


Habit = Callable[[Person, Device], Awaitable[Any]]

HABITS: dict[Habit, int] = {
    Person.talk: 40,
    Person.read: 20,
    Person.meet: 3,
    Person.invite: 4,
    Person.expel: 2,
    Person.leave: 2,
    Person.rename: 2,
    Person.type: 4,
    Person.doze: 3,
    Person.look: 2,
    Person.quarrel: 3,
    Person.befriend: 2,
    Person.lose: 4,
    Person.tunnel: 2,
    Person.stall: 2,
    Person.sleep: 5,
}
