"""Marks are coalesced. Time is the mock clock's, and the gate is replaced by a list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from realtime.client import Client
from realtime.core import Core
from realtime.disconnects import NORMAL
from realtime.dispatch import PENDING_MAX, Asked, Dispatch, Marking, Stored
from realtime.marks import MARK_SECONDS, MARKED_CONVERSATIONS_MAX, Marks
from storage.domains import messaging
from storage.domains.messaging import GetConversation, MarkRead
from storage.errors import NotFound, Unavailable
from storage.ids import ConversationId, new_id
from tests.realtime.fakes import FakeConnection, connected_client

MARK_READ = Marking(messaging.mark_read)
GET = Stored(messaging.get_conversation)


class FakeGate:
    """Performs each command in `seconds`, or as `answer` says."""

    def __init__(self, tasks: trio.Nursery) -> None:
        self._tasks = tasks
        self.performed: list[Any] = []
        self.seconds = 0.0
        self.error: Exception | None = None
        self.is_crowded = False

    async def perform(self, action: Any, actor: Any, command: Any) -> Any:
        await trio.sleep(self.seconds)
        self.performed.append(command)
        if self.error is not None:
            raise self.error
        return {"readSeq": getattr(command, "seq", 0)}

    def enqueue(
        self, action: Any, actor: Any, command: Any, settled: Callable[[Any], None]
    ) -> None:
        if self.is_crowded:
            raise Unavailable("database", "too much is waiting", retry_after_seconds=1)

        async def settle() -> None:
            outcome: Any
            try:
                outcome = await self.perform(action, actor, command)
            except Exception as error:
                outcome = error
            settled(outcome)

        self._tasks.start_soon(settle)


class Line:
    """One connection's way from its requests to the gate."""

    def __init__(self, gate: FakeGate, dispatch: Dispatch, marks: Marks) -> None:
        self.gate, self.dispatch, self.marks = gate, dispatch, marks
        self.client: Client
        self.connection: FakeConnection
        self.client, self.connection = connected_client()
        self.conversation_id = ConversationId(new_id())

    def mark(
        self, request_id: int, seq: int, conversation_id: ConversationId | None = None
    ) -> None:
        where = conversation_id or self.conversation_id
        body = MarkRead(conversation_id=where, seq=seq)
        self.marks.submit(self.client, request_id, MARK_READ, body)

    def get(self, request_id: int) -> None:
        body = GetConversation(conversation_id=self.conversation_id)
        self.dispatch.submit(self.client, Asked((request_id,), GET, body))

    @property
    def seqs(self) -> list[int]:
        return [command.seq for command in self.gate.performed]

    @property
    def replies(self) -> list[tuple[int, Any]]:
        return [
            (said["id"], said["data"]["readSeq"] if said["success"] else said["error"]["code"])
            for said in self.connection.said
        ]


@pytest.fixture
async def line(nursery: trio.Nursery) -> AsyncIterator[Line]:
    gate = FakeGate(nursery)
    dispatch = Dispatch(cast("Core", SimpleNamespace(gate=gate)))
    marks = Marks(dispatch)
    await nursery.start(dispatch.run)
    nursery.start_soon(marks.run)
    yield Line(gate, dispatch, marks)
    nursery.cancel_scope.cancel()


async def test_the_first_mark_is_stored_at_once(line: Line, autojump_clock: MockClock) -> None:
    line.mark(1, 5)
    await wait_all_tasks_blocked()
    assert line.replies == [(1, 5)]


async def test_marks_of_one_second_are_stored_once_and_all_are_answered(
    line: Line, autojump_clock: MockClock
) -> None:
    for request_id, seq in enumerate([5, 6, 9, 7], start=1):
        line.mark(request_id, seq)
    await trio.sleep(MARK_SECONDS * 1.1)
    assert line.seqs == [5, 9], "the furthest wins, in whatever order they came"
    assert line.replies == [(1, 5), (2, 9), (3, 9), (4, 9)]


async def test_a_scrolling_phone_stores_one_mark_a_second(
    line: Line, autojump_clock: MockClock
) -> None:
    for seq in range(1, 101):
        line.mark(seq, seq)
        await trio.sleep(0.1)
    await trio.sleep(2)
    assert len(line.gate.performed) <= 12
    assert line.seqs[-1] == 100
    assert len(line.replies) == 100


async def test_conversations_do_not_wait_for_each_other(
    line: Line, autojump_clock: MockClock
) -> None:
    line.mark(1, 5)
    line.mark(2, 3, ConversationId(new_id()))
    await wait_all_tasks_blocked()
    assert line.seqs == [5, 3]


async def test_after_a_quiet_second_nothing_is_remembered(
    line: Line, autojump_clock: MockClock
) -> None:
    line.mark(1, 5)
    await trio.sleep(MARK_SECONDS * 1.1)
    assert line.client.marks is None


async def test_marks_are_bounded(line: Line, autojump_clock: MockClock) -> None:
    line.mark(1, 1)
    for request_id in range(2, PENDING_MAX + 3):
        line.mark(request_id, request_id)
    assert line.replies == [(PENDING_MAX + 2, "too_many_requests")]
    for number in range(MARKED_CONVERSATIONS_MAX):
        line.mark(1000 + number, 1, ConversationId(new_id()))
    assert line.client.marks is not None
    assert len(line.client.marks) == MARKED_CONVERSATIONS_MAX


async def test_who_has_left_marks_nothing_more(line: Line, autojump_clock: MockClock) -> None:
    line.mark(1, 5)
    await wait_all_tasks_blocked()
    line.mark(2, 6)
    line.client.marks = None
    await trio.sleep(2 * MARK_SECONDS)
    assert line.seqs == [5]


async def test_commands_of_one_connection_keep_their_order(
    line: Line, autojump_clock: MockClock
) -> None:
    line.gate.seconds = 0.1
    for request_id in range(1, 21):
        line.get(request_id)
    await trio.sleep(3)
    assert [request_id for request_id, _ in line.replies] == list(range(1, 21))
    assert line.client.pending is None


async def test_two_connections_do_not_wait_for_each_other(
    line: Line, autojump_clock: MockClock
) -> None:
    line.gate.seconds = 1
    other = Line(line.gate, line.dispatch, line.marks)
    line.get(1)
    other.get(1)
    await trio.sleep(1.5)
    assert len(line.replies) == len(other.replies) == 1


async def test_only_so_many_may_wait(line: Line, autojump_clock: MockClock) -> None:
    line.gate.seconds = 1
    for request_id in range(1, PENDING_MAX + 3):
        line.get(request_id)
    refused = [(PENDING_MAX + 1, "too_many_requests"), (PENDING_MAX + 2, "too_many_requests")]
    assert line.replies == refused


async def test_a_refusal_and_a_bug_are_answers_and_the_line_goes_on(
    line: Line, autojump_clock: MockClock
) -> None:
    for request_id, error in ((1, NotFound("conversation")), (2, ZeroDivisionError()), (3, None)):
        line.gate.error = error
        line.get(request_id)
        await wait_all_tasks_blocked()
    assert line.replies == [(1, "not_found"), (2, "internal_error"), (3, 0)]
    assert "reference" in line.connection.said[1]["error"]["hint"]


async def test_what_no_batch_takes_is_refused_in_its_place_and_the_line_goes_on(
    line: Line, autojump_clock: MockClock
) -> None:
    line.gate.seconds = 1
    line.get(1)
    for request_id in (2, 3):
        body = MarkRead(conversation_id=line.conversation_id, seq=5)
        line.dispatch.submit(line.client, Asked((request_id,), MARK_READ, body))
    line.get(4)
    line.gate.is_crowded = True
    await trio.sleep(3)
    assert line.replies == [(1, 0), (2, "unavailable"), (3, "unavailable"), (4, 0)]
    line.gate.is_crowded = False
    line.mark(5, 5)
    await trio.sleep(3)
    assert line.replies[4:] == [(5, 5)]
    assert line.client.pending is None


async def test_what_waits_for_somebody_who_left_is_not_done(
    line: Line, autojump_clock: MockClock
) -> None:
    line.gate.seconds = 1
    line.get(1)
    line.get(2)
    await trio.sleep(0.5)
    line.connection.close(NORMAL)
    await trio.sleep(3)
    assert len(line.gate.performed) == 1
    assert line.client.pending is None


async def test_what_is_settled_when_the_process_has_ended_begins_nothing_more(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    gate = FakeGate(nursery)
    gate.seconds = 1
    dispatch = Dispatch(cast("Core", SimpleNamespace(gate=gate)))
    line = Line(gate, dispatch, Marks(dispatch))
    async with trio.open_nursery() as process:
        await process.start(dispatch.run)
        line.mark(1, 5)
        line.get(2)
        await trio.sleep(0.5)
        process.cancel_scope.cancel()
    await trio.sleep(1)
    assert line.replies == [(1, 5)]
    assert line.client.pending is None
