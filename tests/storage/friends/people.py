"""Ana, Ben, Chloe and Eve in a transaction that is undone, and what they were told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from storage.actor import Actor
from storage.database import Transaction
from storage.journal import user_topic
from tests import world
from tests.world import person


@dataclass(frozen=True, slots=True)
class People:
    ana: Actor
    ben: Actor
    chloe: Actor
    eve: Actor

    @classmethod
    async def made(cls, tx: Transaction) -> People:
        return cls(*[await person(tx, name) for name in ("Ana", "Ben", "Chloe", "Eve")])

    async def befriend(self, tx: Transaction, one: Actor, other: Actor) -> None:
        await world.make_friends(tx, one, other)

    async def block(self, tx: Transaction, blocker: Actor, blocked: Actor) -> None:
        await world.block(tx, blocker, blocked)

    async def set(self, tx: Transaction, actor: Actor, **values: str) -> None:
        for column, value in values.items():
            await tx.run(f"UPDATE users SET {column} = $2 WHERE id = $1", actor.user_id, value)


def told(tx: Transaction, actor: Actor) -> list[tuple[Any, ...]]:
    """What was emitted to somebody: the kind, whom it names, and in which direction."""
    return [_gist(event) for topic, event in tx.emitted if topic == user_topic(actor.user_id)]


def _gist(event: Any) -> tuple[Any, ...]:
    if hasattr(event, "direction"):
        return (event.kind, event.user.handle, event.direction)
    return (event.kind, event.user.handle if hasattr(event, "user") else event.user_id)
