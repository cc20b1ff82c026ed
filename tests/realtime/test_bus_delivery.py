"""From a commit in one process to the sockets of another, over the real bus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import trio

from storage.bus import NotifyBus
from storage.database import DatabaseUnavailable, Transaction
from storage.database.transaction import TransactionBlock
from storage.domains import messaging
from storage.domains.messaging import CreateGroup, SendMessage
from storage.gate import Gate, open_gate
from storage.ids import ConversationId, new_id
from storage.journal import conversation_topic
from storage.settings import Settings
from tests.needs import scale
from tests.realtime.conftest import Device, Process
from tests.realtime.fakes import seqs_of
from tests.world import World

BURST = 5_000
SENDERS = 100
BURST_SECONDS_MAX = 60

CUT_OFF_SECONDS = 2.0
CUT_LISTENERS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ILIKE '%LISTEN%'
"""


@pytest.fixture
async def elsewhere(settings: Settings, process: Process) -> AsyncIterator[Gate]:
    async with open_gate(settings) as gate:
        yield gate


async def group_of(gate: Gate, world: World) -> ConversationId:
    user_ids = [world.ben.user_id, world.chloe.user_id]
    command = CreateGroup(name="Group", user_ids=user_ids, client_id=new_id())
    return (await gate.perform(messaging.create_group, world.ana, command)).id


async def write(gate: Gate, world: World, group_id: ConversationId, text: str) -> None:
    command = SendMessage(conversation_id=group_id, text=text, client_id=new_id())
    await gate.perform(messaging.send_message, world.ana, command)


def texts(device: Device) -> list[str]:
    return [push["data"]["text"] for push in device.pushes("new_message")]


async def test_a_burst_from_two_processes_arrives_whole_and_in_order(
    process: Process, gate: Gate, elsewhere: Gate, world: World
) -> None:
    group_id = await group_of(gate, world)
    topic = conversation_topic(group_id)
    here = await process.connect(world.ben)
    count = scale(BURST)

    async def say(sender: int) -> None:
        for number in range(sender, count, SENDERS):
            await write((gate, elsewhere)[sender % 2], world, group_id, f"{number}")

    async with trio.open_nursery() as nursery:
        for sender in range(SENDERS):
            nursery.start_soon(say, sender)
    with trio.fail_after(BURST_SECONDS_MAX):
        while len(here.said) < count + 2:
            await here.connection.news.wait()
    assert seqs_of(here.connection, topic) == list(range(2, count + 2))
    assert sorted(texts(here), key=int) == [f"{number}" for number in range(count)]
    await trio.testing.wait_all_tasks_blocked(0.1)
    assert not process.core.hub.gaps
    assert process.core.hub.early_entries == 0


@pytest.mark.parametrize("signs", [1_000, 4_000])
async def test_a_text_too_large_for_a_payload_is_whole_and_in_its_place(
    process: Process, elsewhere: Gate, gate: Gate, world: World, signs: int
) -> None:
    """Even one that would fit in half of a payload beside its neighbours."""
    group_id = await group_of(gate, world)
    ben = await process.connect(world.ben)
    long = "😀" * signs
    for text in ("before", long, "after"):
        await write(elsewhere, world, group_id, text)
    await ben.push("new_message", text="after")
    assert texts(ben) == ["before", long, "after"]


@pytest.fixture
def cut_off(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Awaitable[None]]:
    """For so long that whatever is said now is said to nobody."""
    monkeypatch.setattr("storage.bus.notify.RETRY_SECONDS", CUT_OFF_SECONDS)

    async def cut() -> None:
        async with gate.database.transaction() as tx:
            assert await tx.value(CUT_LISTENERS) >= 1

    return cut


@pytest.mark.fault
async def test_the_last_message_before_the_bus_was_cut_arrives_all_the_same(
    process: Process,
    elsewhere: Gate,
    gate: Gate,
    world: World,
    cut_off: Callable[[], Awaitable[None]],
) -> None:
    """Nothing comes after it that would show the gap."""
    group_id = await group_of(gate, world)
    ben = await process.connect(world.ben)
    await cut_off()
    await write(elsewhere, world, group_id, "the last")
    await ben.push("new_message", text="the last")
    assert texts(ben) == ["the last"]


@pytest.mark.fault
async def test_without_comparing_tips_it_would_not(
    process: Process,
    elsewhere: Gate,
    gate: Gate,
    world: World,
    cut_off: Callable[[], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group_id = await group_of(gate, world)
    ben = await process.connect(world.ben)
    monkeypatch.setattr(process.core.hub, "doubt", lambda keys: None)
    await cut_off()
    await write(elsewhere, world, group_id, "the last")
    with pytest.raises(trio.TooSlowError):
        await ben.push("new_message", text="the last")


def losing_the_answer(*, is_committed: bool) -> Callable[[TransactionBlock, Any], Awaitable[None]]:
    """A COMMIT whose connection goes, before it reaches PostgreSQL or after."""
    commit = TransactionBlock._commit

    async def lose(block: TransactionBlock, link: Any) -> None:
        if is_committed:
            await commit(block, link)
        link.terminate()
        raise DatabaseUnavailable("the connection was lost")

    return lose


@pytest.mark.fault
@pytest.mark.parametrize("is_committed", [True, False], ids=["committed", "not committed"])
async def test_when_the_answer_to_a_commit_is_lost_a_retry_finds_out_and_everybody_hears_once(
    process: Process,
    gate: Gate,
    elsewhere: Gate,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_committed: bool,
) -> None:
    group_id = await group_of(gate, world)
    topic = conversation_topic(group_id)
    ana, ben = await process.connect(world.ana), await process.connect(world.ben)
    command = {"conversationId": str(group_id), "text": "once", "clientId": str(new_id())}
    with monkeypatch.context() as losing:
        lost = losing_the_answer(is_committed=is_committed)
        losing.setattr(TransactionBlock, "_commit", lost)
        refusal = await ana.ask("send_message", command)
    assert refusal["code"] == "unavailable"
    assert refusal["retry"] is True
    if is_committed:
        # Nobody published it, and Ana has not asked again yet: the comparison of tips finds it.
        await ben.push("new_message", text="once")
    sent = await ana.ask("send_message", command)
    assert sent["seq"] == 2
    assert await ana.ask("send_message", command) == sent
    await ben.push("new_message", text="once")
    await ana.push("new_message", text="once")
    assert seqs_of(ben.connection, topic) == seqs_of(ana.connection, topic) == [2]


async def test_what_people_write_never_waits_for_the_bus(
    gate: Gate, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NOTIFY locks the whole database at its commit: it stands in no transaction but the bus's."""
    asked: dict[Transaction, list[str]] = {}
    is_notified = trio.Event()

    def noting(step: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def run(tx: Transaction, sql: str, *values: object) -> Any:
            asked.setdefault(tx, []).append(sql.lower())
            if "notify" in sql:
                is_notified.set()
            return await step(tx, sql, *values)

        return run

    async with open_gate(gate.settings) as other:
        with other.bus.subscribe(_Ear()):
            for name in ("row", "rows", "value", "run"):
                monkeypatch.setattr(Transaction, name, noting(getattr(Transaction, name)))
            group_id = await group_of(gate, world)
            await write(gate, world, group_id, "hello")
            command = messaging.MarkRead(conversation_id=group_id, seq=1)
            await gate.perform(messaging.mark_read, world.ben, command)
            assert isinstance(gate.bus, NotifyBus)
            with trio.fail_after(5):
                await is_notified.wait()
    for sqls in asked.values():
        assert len(sqls) == 1 or not any("notify" in sql for sql in sqls), sqls


class _Ear:
    def heard(self, entry: object) -> None: ...
    def whispered(self, topic: str, kind: str, body: bytes) -> None: ...
    def lost(self) -> None: ...
