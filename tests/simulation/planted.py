"""Bugs to plant in the product, each in one place. The same invariants must find each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import trio

from realtime import resume
from realtime.client import Client
from realtime.hub import Hub
from realtime.presence import Presence
from realtime.reactions import Reactions
from realtime.repair import Repair
from realtime.resume import Plan
from realtime.watching import Watching
from storage import journal
from storage.action import Action
from storage.database import DatabaseUnavailable, LockTimeout, Transaction
from storage.domains.messaging import conversations, history, lists, marks, send
from storage.gate import Gate, _many
from storage.journal import Entry
from tests.simulation.database import Postgres


@contextmanager
def dedupe_race(postgres: Postgres) -> Iterator[None]:
    """Whether a message was sent before is asked before the lock, and no index holds it."""
    asked: dict[tuple[Transaction, Any, Any], Any] = {}
    conversation_of, facts = send._conversation_of, send._facts

    async def asks_early(tx: Transaction, sender: Any, command: Any) -> Any:
        row = await tx.row(FIND_EARLIER, sender.user_id, command.client_id)
        asked[tx, sender.user_id, command.client_id] = send._stored(row) if row else None
        return await conversation_of(tx, sender, command)

    async def trusts(tx: Transaction, wanted: Sequence[Any], locked: Any) -> dict[int, Any]:
        found = await facts(tx, wanted, locked)
        return {
            one.place: replace(
                found[one.place], earlier=asked[tx, one.sender_id, one.command.client_id]
            )
            for one in wanted
        }

    postgres.script("DROP INDEX messages_once")
    postgres.script("CREATE INDEX messages_once ON messages (sender_id, client_id)")
    try:
        with (
            patch.object(send, "_conversation_of", asks_early),
            patch.object(send, "_facts", trusts),
        ):
            yield
    finally:
        postgres.fresh()
        postgres.script("DROP INDEX messages_once")
        postgres.script("CREATE UNIQUE INDEX messages_once ON messages (sender_id, client_id)")


def ack_before_commit(postgres: Postgres) -> AbstractContextManager[object]:
    """A batch is answered when its work is done, while the commit is on its way."""

    async def answers_early(
        gate: Gate, action: Action[..., Any], items: Sequence[Any]
    ) -> Sequence[Any]:
        done = trio.Event()
        outcomes: Sequence[Any] = [LockTimeout()] * len(items)

        async def work(tx: Transaction) -> None:
            nonlocal outcomes
            outcomes = await _many(action, items, tx)
            done.set()

        async def commit() -> None:
            try:
                await gate.transact(work)
            except (DatabaseUnavailable, LockTimeout):
                done.set()

        gate._batches.start_soon(commit)
        await done.wait()
        return outcomes

    return patch.object(Gate, "_commit_batch", answers_early)


def skipped_gap(postgres: Postgres) -> AbstractContextManager[object]:
    """The hub goes on from an entry that came early, over those before it."""
    heard = Hub.heard

    def skips(hub: Hub, entry: Entry) -> None:
        topic = hub.topics.get(entry.topic)
        if topic is not None and entry.seq > topic.seq and entry.body is not None:
            topic.seq = entry.seq - 1
        heard(hub, entry)

    return patch.object(Hub, "heard", skips)


def lost_unsubscribe(postgres: Postgres) -> AbstractContextManager[object]:
    """Who was taken out of a group hears on."""
    return patch.object(Reactions, "_unsubscribe", lambda *_, **__: None)


def forgotten_listener(postgres: Postgres) -> AbstractContextManager[object]:
    """Who is gone is still among a topic's listeners."""
    return patch.object(Hub, "forget", lambda hub, listener: None)


def mark_moves_back(postgres: Postgres) -> AbstractContextManager[object]:
    """The last word counts, not the furthest."""
    move = marks._move

    async def obeys(tx: Transaction, asked: Sequence[Any], forward: Any) -> Any:
        def anywhere(found: Any, seq: int) -> None:
            found.read_seq = min(found.read_seq, seq)
            found.delivered_seq = 0
            forward(found, seq)

        return await move(tx, asked, anywhere)

    return patch.object(marks, "_move", obeys)


def replay_off_by_one(postgres: Postgres) -> AbstractContextManager[object]:
    """What is replayed begins one entry too late."""
    add = Plan.add

    def adds(plan: Plan, key: str, *, have: int | None, **values: Any) -> None:
        add(plan, key, have=None if have is None else have + 1, **values)

    return patch.object(Plan, "add", adds)


def little_is_replayed(postgres: Postgres) -> AbstractContextManager[object]:
    """Who missed three entries of a topic is told to load it anew."""
    return patch.object(resume, "TOPIC_ENTRIES_MAX", 2)


def snapshot_ahead_of_itself(postgres: Postgres) -> AbstractContextManager[object]:
    """A page of history says that it holds one entry more than it does."""

    async def ahead(tx: Transaction, topic: str) -> int:
        return await journal.tip(tx, topic) + 1

    return patch.object(history, "journal", SimpleNamespace(tip=ahead))


def held_too_shortly(postgres: Postgres) -> AbstractContextManager[object]:
    """What is said while one's past is being read goes out before it."""
    push = Client.push

    def pushes(client: Client, frame: bytes) -> None:
        push(client, frame)
        if client.held and all(client.held):
            held, client.held = client.held, []
            for live in held:
                push(client, live)

    return patch.object(Client, "push", pushes)


def lease_is_kept(postgres: Postgres) -> AbstractContextManager[object]:
    """Who has left stays online."""
    return patch.object(Presence, "left", lambda presence, client: None)


def dead_are_not_reaped(postgres: Postgres) -> AbstractContextManager[object]:
    """The leases of a process that crashed are nobody's business."""

    async def beats(presence: Presence) -> None:
        await presence._leases.beat()

    return patch.object(Presence, "_beat", beats)


def tips_are_not_compared(postgres: Postgres) -> AbstractContextManager[object]:
    """The loss of a topic's last entry shows no gap."""

    async def rests(repair: Repair) -> None:
        await trio.sleep_forever()

    return patch.object(Repair, "_compare_for_ever", rests)


def presence_is_not_told(postgres: Postgres) -> AbstractContextManager[object]:
    """Whoever watches looks once, and when something was lost."""
    return patch.object(Watching, "changed", lambda watching, user_id: None)


@contextmanager
def own_words_are_unread(postgres: Postgres) -> Iterator[None]:
    """One's own messages count as unread."""
    with (
        patch.object(conversations, "FIND_AS_MEMBER", _counting_own(conversations.FIND_AS_MEMBER)),
        patch.object(lists, "COUNT_UNREAD", _counting_own(lists.COUNT_UNREAD)),
    ):
        yield


def _counting_own(sql: str) -> str:
    assert OWN in sql
    return sql.replace(OWN, "false")


OWN = "own.sender_id = member.user_id"

FIND_EARLIER = """
    SELECT id, conversation_id, seq, text, created_at FROM messages
     WHERE sender_id = $1 AND client_id = $2 LIMIT 1
"""
