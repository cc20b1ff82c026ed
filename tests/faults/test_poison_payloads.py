"""Payloads on the bus that are none of ours: anybody who may use the database may NOTIFY."""

from __future__ import annotations

import random

import pytest
import trio

from storage.bus import NotifyBus
from storage.bus.notify import CHANNEL
from storage.gate import Gate, open_gate
from storage.settings import Settings
from tests.faults.talk import make_group, write
from tests.needs import scale
from tests.realtime.conftest import Process, running_process
from tests.world import World

PAYLOADS = [
    "",
    "hello",
    "a b c",
    "stranger one",
    "stranger 1 0\nno such line",
    "stranger 2 0\nconversation:x nought new_message {}",
    "stranger 3 0\nconversation:x -1 new_message {}",
    "stranger 4 0\nconversation:x 99999999999999999999 new_message {}",
    "stranger 5 0\nuser:nonsense 1 user_blocked {}",
    "stranger 6 0\npresence:nonsense 0 presence {}",
    "stranger 7 0\nconversation:x 0 typing [[[",
    "stranger 8 0\n\n\n",
    "\ufeff\u2028 1\n\u0001",
]
NOTIFY = "SELECT pg_notify($1, $2)"
WORDS = ["stranger", "1", "-1", "0", " ", "\n", "user:", "conversation:x", "{}", "new_message", "é"]


def mutations(rng: random.Random, count: int) -> list[str]:
    return ["".join(rng.choices(WORDS, k=rng.randint(1, 30))) for _ in range(count)]


async def stays_linked(gate: Gate, settings: Settings, world: World, payloads: list[str]) -> bool:
    """Whether Ben, elsewhere, heard each word between the payloads, over one and the same link."""
    async with open_gate(settings) as other_gate, running_process(other_gate) as elsewhere:
        group = await make_group(gate, world.ana, world.ben)
        ben = await elsewhere.connect(world.ben)
        bus = other_gate.bus
        assert isinstance(bus, NotifyBus)
        for number, payload in enumerate(payloads):
            async with gate.database.transaction() as tx:
                await tx.run(NOTIFY, CHANNEL, payload)
            if not number % 10 or number == len(payloads) - 1:
                await write(gate, world.ana, group, f"after {number}")
                await ben.push("new_message", text=f"after {number}")
            if not bus.connected:
                return False
        seqs = [push["seq"] for push in ben.pushes("new_message")]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        return True


@pytest.mark.parametrize("seed", range(2))
async def test_ben_hears_ana_whatever_strangers_shout_on_the_bus(
    gate: Gate, settings: Settings, world: World, seed: int
) -> None:
    rng = random.Random(seed)
    payloads = [*PAYLOADS, *mutations(rng, scale(150))]
    rng.shuffle(payloads)
    assert await stays_linked(gate, settings, world, payloads), f"seed {seed}"


async def test_where_one_payload_ends_the_listening_that_test_would_see_it(
    gate: Gate, settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotifyBus, "_receive", NotifyBus._read)
    assert not await stays_linked(gate, settings, world, PAYLOADS)


async def test_a_gap_that_a_stranger_made_up_closes_by_a_return(
    gate: Gate, process: Process, world: World
) -> None:
    """An entry that was never written: the journal knows none, so Ben comes back, once."""
    group = await make_group(gate, world.ana, world.ben)
    ben, chloe = await process.connect(world.ben), await process.connect(world.chloe)
    async with gate.database.transaction() as tx:
        line = f"conversation:{group} 1000 new_message {{}}"
        await tx.run(NOTIFY, CHANNEL, f"stranger 1 1\n{line}")
    assert await ben.closed() == 4006
    again = await process.connect(world.ben, {f"conversation:{group}": 1})
    await write(gate, world.ana, group, "still there?")
    await again.push("new_message", text="still there?")
    await trio.sleep(1)
    assert again.connection.open
    assert chloe.connection.open
