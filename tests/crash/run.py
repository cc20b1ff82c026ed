"""A whole run: people write while processes are killed; then everybody comes back and is judged."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import trio

from storage.actor import Actor
from storage.database import Database, open_database
from tests.crash import killer, rows
from tests.crash.admin import Admin
from tests.crash.device import Device
from tests.crash.evidence import Evidence
from tests.crash.hand import Hand
from tests.crash.invariants import Violation, violations
from tests.crash.killer import Kill
from tests.crash.outages import Outage, outages
from tests.crash.product import Product, Target, until
from tests.world import person

FIRST_GROUPS = 2
"""Of each admin, before anybody is killed; the others come about under fire."""
CONNECT_SECONDS_MAX = 30.0
LOOKS_MAX = 5


@dataclass(frozen=True, slots=True)
class Shape:
    """The first of the `people` have a second device each, until there are `devices`."""

    people: int = 20
    devices: int = 30
    peers: int = 3
    admins: int = 2
    groups_max: int = 5
    seconds: float = 60.0
    pause_seconds: tuple[float, float] = (0.1, 1.1)
    """Between two messages of one hand: a person's, ten times as fast."""
    gap_seconds: tuple[float, float] = (3.0, 6.0)
    """Between two kills."""
    settle_seconds_max: float = 45.0
    targets: tuple[Target, ...] = ()
    """What is killed in turn; by default everything."""


@dataclass(slots=True)
class Outcome:
    seed: int
    evidence: Evidence
    violations: list[Violation]
    outages: list[Outage]
    troubles: list[str]
    resyncs: list[str]
    settled: bool
    kills: list[Kill] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return self.settled and not self.violations and not self.troubles

    def __str__(self) -> str:
        evidence = self.evidence
        heard = sum(len(one.messages) for one in evidence.heard)
        return "\n".join(
            [
                f"seed {self.seed}: {len(self.kills)} kills, {len(evidence.writes)} writes in"
                f" {sum(write.tries for write in evidence.writes)} tries,"
                f" {len(evidence.stored)} stored, {heard} heard, {len(evidence.marks)} marks,"
                f" {len(self.resyncs)} resyncs",
                *map(str, self.outages),
                *self.resyncs,
                *([] if self.settled else ["! some never heard the last"]),
                *(f"! {trouble}" for trouble in self.troubles),
                *(f"! {violation}" for violation in self.violations),
            ]
        )


class Run:
    def __init__(self, product: Product, shape: Shape, seed: int) -> None:
        self._product = product
        self._shape = shape
        self._seed = seed
        self.phase = "not begun"
        self._people: list[Actor] = []
        self.devices: list[Device] = []
        self.hands: list[Hand] = []
        self.admins: list[Admin] = []

    async def outcome(self) -> Outcome:
        async with (
            open_database(self._product.database_url, connections_max=2) as database,
            trio.open_nursery() as nursery,
        ):
            self.phase = "arriving"
            await self._gather(database)
            over = trio.Event()
            with trio.fail_after(CONNECT_SECONDS_MAX):
                async with trio.open_nursery() as arriving:
                    for device in self.devices:
                        arriving.start_soon(nursery.start, device.live, over)
            for admin in self.admins:
                for _ in range(FIRST_GROUPS):
                    await admin.make_group()
            self.phase = "under fire"
            kills = await self._under_fire()
            over.set()
            self.phase = "settling"
            settled = await self._settle(database)
            self.phase = "giving evidence"
            evidence = await self._evidence(database)
            nursery.cancel_scope.cancel()
        waits = [wait for hand in self.hands for wait in hand.waits]
        return Outcome(
            seed=self._seed,
            evidence=evidence,
            violations=violations(evidence),
            outages=outages(kills, waits, self.devices),
            troubles=[trouble for device in self.devices for trouble in device.troubles],
            resyncs=[resync for device in self.devices for resync in device.resyncs],
            settled=settled,
            kills=kills,
        )

    def _chance(self, whose: str) -> random.Random:
        """Everybody draws from a source of their own: who comes first changes nobody's choices."""
        return random.Random(f"{self._seed} {whose}")

    async def _gather(self, database: Database) -> None:
        shape, product = self._shape, self._product
        names = [f"Person{number}" for number in range(shape.people)]
        async with database.transaction() as tx:
            # Also where others are answered before they are stored: everybody must be there.
            await tx.run("SET LOCAL synchronous_commit = on")
            self._people = [await person(tx, name) for name in names]
        ids = [str(one.user_id) for one in self._people]
        for number, (name, actor) in enumerate(zip(names, self._people, strict=True)):
            kinds = ["phone", "laptop"][: 1 + (number < shape.devices - shape.people)]
            own = [
                Device(product, actor, f"{name}'s {kind}", self._chance(f"{name} {kind}"))
                for kind in kinds
            ]
            self.devices += own
            others = ids[:number] + ids[number + 1 :]
            peers = self._chance(f"{name} peers").sample(others, shape.peers)
            self.hands += [
                Hand(product, device, own, peers, self._chance(f"hand of {device.name}"))
                for device in own
            ]
        for number, name in enumerate(names[: shape.admins]):
            others = ids[:number] + ids[number + 1 :]
            self.admins.append(
                Admin(
                    product,
                    name,
                    self._people[number],
                    others,
                    shape.groups_max,
                    self._chance(f"{name} admin"),
                )
            )

    async def _under_fire(self) -> list[Kill]:
        """Everybody writes until the plan is carried out and the last message is answered."""
        over = trio.Event()
        chance = self._chance("killer")
        kills = killer.plan(
            chance, self._shape.seconds, self._shape.gap_seconds, self._shape.targets
        )
        async with trio.open_nursery() as nursery:
            for hand in self.hands:
                nursery.start_soon(hand.write_until, over, self._shape.pause_seconds)
            for admin in self.admins:
                nursery.start_soon(admin.administrate_until, over)
            until_seconds = trio.current_time() + self._shape.seconds
            done = await killer.carry_out(kills, self._product, chance)
            await trio.sleep_until(until_seconds)
            over.set()
            nursery.cancel_scope.deadline = trio.current_time() + self._shape.settle_seconds_max
        return done

    async def _settle(self, database: Database) -> bool:
        """All break off once more and come back; then wait until each has heard the last."""
        for device in self.devices:
            await device.cut()
        tips = await rows.last_seqs(database)

        def all_heard() -> bool:
            return all(
                device.last_seqs.get(place, 0) >= tip
                for device in self.devices
                for (person, place), tip in tips.items()
                if person == device.heard.person
            )

        return await until(all_heard, self._shape.settle_seconds_max)

    async def _evidence(self, database: Database) -> Evidence:
        writers: Sequence[Hand | Admin] = [*self.hands, *self.admins]
        for _ in range(LOOKS_MAX):
            before = await rows.memberships(database)
            lists = [await rows.listed(self._product, actor) for actor in self._people]
            if await rows.memberships(database) == before:
                break  # Else a mark was still on its way, and the lists are not of one moment.
        return Evidence(
            writes=[write for writer in writers for write in writer.writes],
            stored=await rows.stored_messages(database),
            memberships=before,
            heard=[device.heard for device in self.devices],
            marks=[mark for device in self.devices for mark in device.marked],
            listed=[one for some in lists for one in some],
        )
