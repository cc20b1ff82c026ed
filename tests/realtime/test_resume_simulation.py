"""Ben's train goes through tunnels: whatever he loses, he has it after the next connect, once.

Everything but the sockets is real: two processes, the bus between them, PostgreSQL.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest
import trio

from storage.domains import messaging
from storage.domains.messaging import SendMessage
from storage.gate import Gate, open_gate
from storage.ids import new_id
from storage.journal import conversation_topic
from storage.settings import Settings
from tests.realtime.conftest import Device, Process, running_process
from tests.world import World

ROUNDS = 12


@pytest.fixture
async def elsewhere(settings: Settings, process: Process) -> AsyncIterator[Process]:
    async with open_gate(settings) as gate, running_process(gate) as process:
        yield process


class Traveller:
    """A client after the rules of the protocol: it keeps the highest seq and drops the rest."""

    def __init__(self, *, remembers: bool) -> None:
        self.have: dict[str, int] = {}
        self.got: list[tuple[str, int]] = []
        self._remembers = remembers

    async def travel(self, process: Process, world: World, seconds: float) -> None:
        device = await process.connect(world.ben, self.have if self._remembers else {})
        await trio.sleep(seconds)
        self.read(device)
        device.gone()

    def read(self, device: Device) -> None:
        for said in device.said:
            if said.get("event") == "caught_up":
                for topic, seq in said["data"]["topics"].items():
                    self.have.setdefault(topic, seq)
            elif "seq" in said and said["seq"] > self.have.get(said["topic"], 0):
                self.have[said["topic"]] = said["seq"]
                self.got.append((said["topic"], said["seq"]))
                if said["event"] == "conversation_added":
                    topic = conversation_topic(said["data"]["conversation"]["id"])
                    self.have.setdefault(topic, said["data"]["fromSeq"])


async def journey(
    seed: int, processes: list[Process], gate: Gate, world: World, *, remembers: bool
) -> tuple[list[int], int]:
    """The seqs that Ben got of his conversation with Ana, and its tip."""
    rng = random.Random(seed)
    ben = Traveller(remembers=remembers)
    await ben.travel(processes[0], world, 0)
    topic = ""

    async def chat() -> None:
        nonlocal topic
        for number in range(4 * ROUNDS):
            sender, other = rng.choice([(world.ana, world.ben), (world.ben, world.ana)])
            command = SendMessage(to=other.user_id, text=f"{number}", client_id=new_id())
            sent = await gate.perform(messaging.send_message, sender, command)
            topic = conversation_topic(sent.conversation_id)
            await trio.sleep(rng.random() * 0.02)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(chat)
        for _ in range(ROUNDS):
            await ben.travel(rng.choice(processes), world, rng.random() * 0.05)
    await ben.travel(processes[0], world, 0.2)
    return [seq for key, seq in ben.got if key == topic], 4 * ROUNDS


@pytest.mark.parametrize("seed", range(3))
async def test_ben_has_everything_once_and_in_order(
    seed: int, process: Process, elsewhere: Process, gate: Gate, world: World
) -> None:
    got, tip = await journey(seed, [process, elsewhere], gate, world, remembers=True)
    assert got == list(range(1, tip + 1))


async def test_who_does_not_say_what_they_have_misses_something(
    process: Process, elsewhere: Process, gate: Gate, world: World
) -> None:
    got, tip = await journey(0, [process, elsewhere], gate, world, remembers=False)
    assert len(got) < tip
