"""The one way in: `perform`, or `enqueue` for many at once. What holds for every command of both
doors is written here.

In order: limits, room on the disk, transaction, idempotency key, the action, the journal, the
remembered answer, commit, and then the bus: whoever committed publishes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from ipaddress import IPv6Address, ip_address
from typing import Any, TypeVar

import msgspec
import structlog
import trio

from storage import idempotency, journal
from storage.action import Action
from storage.actor import Actor, Visitor
from storage.batch import Batcher
from storage.bus import Bus, NotifyBus
from storage.database import (
    Database,
    DatabaseFull,
    DatabaseUnavailable,
    Deadlock,
    LockTimeout,
    QueryCanceled,
    SerializationFailure,
    Transaction,
    open_database,
)
from storage.errors import Unavailable
from storage.journal import Entry
from storage.limits import CLASS_LIMITS, PERSON_LIMIT, Limits, RouteClass
from storage.room import Room, no_room
from storage.settings import Settings

R = TypeVar("R")

log = structlog.get_logger()

CONNECTIONS_MAX = 10
BUS_CONNECTIONS_MAX = 1
TRIES_MAX = 5
"""How often a transaction that lost to another one (deadlock, serialization) is run in all."""
WAIT_BRIEFLY = "SET LOCAL lock_timeout = '20ms'"


class Gate:
    """Performs actions against one database, and publishes on one bus what they caused."""

    def __init__(
        self, database: Database, bus: Bus, settings: Settings, batches: trio.Nursery
    ) -> None:
        self.database = database
        self.bus = bus
        self.settings = settings
        self.limits = Limits(settings.limits_scale, trio.current_time)
        self.room = Room(settings.data if settings.embedded else None, trio.current_time)
        self._batchers: dict[str, Batcher[Any, Any]] = {}
        self._batches = batches

    async def perform(
        self,
        action: Action[..., R],
        actor: Actor | Visitor,
        command: Any,
        *,
        key: str | None = None,
        route_class: RouteClass = "socket",
    ) -> R:
        """What a client asked for, in full. Raises Refusal for every answer that is a no.

        `key` makes a retry return the first answer; a command with a `client_id` is its own key.
        """
        self._admit(action, actor, route_class)
        if action.way == "flow":
            with _outages_are_refusals():
                return await action(self, actor, command)
        return await self.step(action, actor, command, key=key)

    def enqueue(
        self,
        action: Action[..., R],
        actor: Actor,
        command: Any,
        settled: Callable[[R | Exception], None],
    ) -> None:
        """`perform` for a batched action, for whom a task for each command would cost too much.

        `settled` gets the result, or the Refusal or other exception, once the batch is committed.
        Raises Refusal when it is refused before it has begun.
        """
        self._admit(action, actor, "socket")
        self._batcher(action).enqueue((actor, command), settled)

    async def step(
        self,
        action: Action[..., R],
        actor: Actor | Visitor,
        command: Any,
        *,
        key: str | None = None,
    ) -> R:
        """One action in one transaction, without counting it: for flows and our own jobs."""
        with _outages_are_refusals():
            if action.way == "reads":
                async with self.database.transaction(read_only=True) as tx:
                    return await action(tx, actor, command)
            if action.many is not None:
                result: R = await self._batcher(action).submit((actor, command))
                return result
            if (client_id := getattr(command, "client_id", None)) is not None:
                key = str(client_id)
            return await self.transact(partial(_remembered, action, actor, command, key))

    async def transact(self, work: Callable[[Transaction], Awaitable[R]]) -> R:
        """Run `work` in a transaction, write what it emitted, commit, and publish.

        A transaction that PostgreSQL sacrificed to another is run again; `work` must not mind.
        """
        for tries_left in reversed(range(TRIES_MAX)):
            try:
                async with self.database.transaction() as tx:
                    result = await work(tx)
                    entries = await journal.write(tx)
            except (Deadlock, SerializationFailure):
                if not tries_left:
                    raise
            else:
                self._publish(entries)
                return result
        raise AssertionError("unreachable")

    def _publish(self, entries: Sequence[Entry]) -> None:
        if entries:
            self.bus.publish_many(entries)

    def count_guess(self, account: str) -> None:
        """One try at an account's password, through whichever door and from wherever."""
        self.limits.count(f"guess {account}", CLASS_LIMITS["auth"])

    def _admit(
        self, action: Action[..., Any], actor: Actor | Visitor, route_class: RouteClass
    ) -> None:
        """Before any work: is this too often, or is there no room to store it?"""
        self._count(actor, route_class)
        if action.way != "reads" and action.needs_room:
            self.room.require()

    def _count(self, actor: Actor | Visitor, route_class: RouteClass) -> None:
        if isinstance(actor, Actor):
            who = str(actor.user_id)
            self.limits.count(f"person {who}", PERSON_LIMIT)
        else:
            who = _network_of(actor.address)
            self.limits.count(f"address {who}", PERSON_LIMIT)
        if route_class in CLASS_LIMITS:
            self.limits.count(f"{route_class} {who}", CLASS_LIMITS[route_class])

    def _batcher(self, action: Action[..., Any]) -> Batcher[Any, Any]:
        batcher = self._batchers.get(action.name)
        if batcher is None:
            batcher = self._batchers[action.name] = Batcher(partial(self._commit_batch, action))
            self._batches.start_soon(batcher.run)
        return batcher

    async def _commit_batch(
        self, action: Action[..., Any], items: Sequence[tuple[Actor, Any]]
    ) -> Sequence[Any]:
        """All of them in one transaction; if that fails, each in its own."""
        try:
            return await self.transact(partial(_many, action, items))
        except (DatabaseUnavailable, QueryCanceled) as error:
            raise _refusal_of(error) from error
        except Exception as error:
            # Whatever one of them broke, its neighbours are not refused with it.
            log.warning("batch_split", action=action.name, size=len(items), error=repr(error))
            work = _briefly if isinstance(error, LockTimeout) else _many
            return [await self._commit_alone(partial(work, action, [item])) for item in items]

    async def _commit_alone(self, work: Callable[[Transaction], Awaitable[Sequence[Any]]]) -> Any:
        try:
            with _outages_are_refusals():
                [outcome] = await self.transact(work)
        except Exception as error:
            return error  # Raised in the caller whose item it is.
        return outcome


async def _many(
    action: Action[..., Any], items: Sequence[tuple[Actor, Any]], tx: Transaction
) -> Sequence[Any]:
    assert action.many is not None, action.name
    return await action.many(tx, items)


async def _briefly(
    action: Action[..., Any], items: Sequence[tuple[Actor, Any]], tx: Transaction
) -> Sequence[Any]:
    """As `_many`, once all have waited in vain: who wants what is held must not make their
    neighbours wait for as long again."""
    await tx.run(WAIT_BRIEFLY)
    return await _many(action, items, tx)


async def _remembered(
    action: Action[..., R],
    actor: Actor | Visitor,
    command: Any,
    key: str | None,
    tx: Transaction,
) -> R:
    if key is None or not isinstance(actor, Actor):
        return await action(tx, actor, command)
    answer = await idempotency.first_answer(tx, actor.user_id, action.name, key, command)
    if answer is not None:
        remembered: R = msgspec.json.decode(answer, type=action.result)
        return remembered
    result = await action(tx, actor, command)
    await idempotency.remember(tx, actor.user_id, action.name, key, result)
    return result


def _network_of(address: str) -> str:
    """Who has one address of IPv6 has the 2^64 beside it too: they count as one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return f"{int(parsed) >> 64:x}::/64"
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


@contextmanager
def _outages_are_refusals() -> Iterator[None]:
    try:
        yield
    except (DatabaseUnavailable, QueryCanceled, LockTimeout) as error:
        raise _refusal_of(error) from error


def _refusal_of(error: Exception) -> Unavailable:
    if isinstance(error, DatabaseFull):
        return no_room()
    return Unavailable("database", "try again", retry_after_seconds=1)


@asynccontextmanager
async def open_gate(settings: Settings) -> AsyncIterator[Gate]:
    """A gate over `settings.database_url`, with its pool, its bus and its batches running."""
    assert settings.database_url is not None, "the supervisor names the database"
    async with (
        open_database(
            settings.database_url,
            driver=settings.database_driver,
            connections_max=CONNECTIONS_MAX,
        ) as database,
        open_database(
            settings.database_url,
            driver=settings.database_driver,
            connections_max=BUS_CONNECTIONS_MAX,
        ) as bus_database,
    ):
        bus = NotifyBus(bus_database)
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(bus.run)
                yield Gate(database, bus, settings, batches=nursery)
                nursery.cancel_scope.cancel()
        finally:
            await bus.tell_rest()
