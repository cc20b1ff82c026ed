from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from storage.batch import BATCH_ITEMS_MAX, Batcher, Settled
from storage.errors import InvalidInput, Unavailable


class Disk:
    """Commits take a second; what was committed together can be asked."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def commit(self, items: Sequence[int]) -> Sequence[Settled[str]]:
        self.batches.append(list(items))
        await trio.sleep(1)
        return [
            InvalidInput("item", "negative") if item < 0 else f"stored {item}" for item in items
        ]


async def test_who_arrives_while_a_batch_commits_rides_in_the_next(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    disk = Disk()
    batcher = Batcher(disk.commit)
    nursery.start_soon(batcher.run)
    await wait_all_tasks_blocked()
    answers: dict[int, str] = {}

    async def submit(item: int) -> None:
        answers[item] = await batcher.submit(item)

    async with trio.open_nursery() as callers:
        for item in range(3 * BATCH_ITEMS_MAX):
            callers.start_soon(submit, item)

    assert answers == {item: f"stored {item}" for item in range(3 * BATCH_ITEMS_MAX)}
    assert max(len(batch) for batch in disk.batches) == BATCH_ITEMS_MAX
    assert trio.current_time() == pytest.approx(2, abs=0.1)
    nursery.cancel_scope.cancel()


async def test_one_refusal_never_fails_a_neighbour(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    disk = Disk()
    batcher = Batcher(disk.commit)
    nursery.start_soon(batcher.run)
    outcomes: dict[int, str] = {}

    async def submit(item: int) -> None:
        try:
            outcomes[item] = await batcher.submit(item)
        except InvalidInput as refusal:
            outcomes[item] = refusal.hint

    async with trio.open_nursery() as callers:
        for item in (1, -2, 3):
            callers.start_soon(submit, item)
    assert outcomes == {1: "stored 1", -2: "negative", 3: "stored 3"}
    nursery.cancel_scope.cancel()


async def test_when_the_commit_fails_everybody_in_it_hears_and_the_next_batch_goes_on(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    broken = [True]

    async def commit(items: Sequence[int]) -> Sequence[Settled[str]]:
        await trio.sleep(1)
        if broken[0]:
            raise Unavailable("database", retry_after_seconds=1)
        return ["stored"] * len(items)

    batcher = Batcher(commit)
    nursery.start_soon(batcher.run)
    refused: list[Unavailable] = []

    async def submit(item: int) -> None:
        try:
            await batcher.submit(item)
        except Unavailable as refusal:
            refused.append(refusal)

    async with trio.open_nursery() as callers:
        for item in range(4):
            callers.start_soon(submit, item)
    assert [refusal.retry_after_seconds for refusal in refused] == [1] * 4
    assert len({id(refusal) for refusal in refused}) == 4

    broken[0] = False
    assert await batcher.submit(5) == "stored"
    nursery.cancel_scope.cancel()


async def test_a_queue_that_is_full_says_so_at_once(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.batch.WAITING_ITEMS_MAX", 3)
    batcher = Batcher(Disk().commit)  # Nothing runs it: whoever submits waits.
    for item in range(3):
        nursery.start_soon(batcher.submit, item)
    await wait_all_tasks_blocked()
    with trio.fail_after(5), pytest.raises(Unavailable, match="too much is waiting"):
        await batcher.submit(4)
    nursery.cancel_scope.cancel()


MANY = 10


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.batch.NEXT_LANE_ITEMS_MIN", MANY)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(("others", "seconds"), [(MANY - 1, 2), (MANY, 1)])
async def test_few_wait_for_the_batch_in_flight_and_many_set_out_beside_it(
    nursery: trio.Nursery, autojump_clock: MockClock, others: int, seconds: int
) -> None:
    batcher = Batcher(Disk().commit)
    nursery.start_soon(batcher.run)
    async with trio.open_nursery() as callers:
        callers.start_soon(batcher.submit, 0)
        await wait_all_tasks_blocked()
        for item in range(1, 1 + others):
            callers.start_soon(batcher.submit, item)
    assert trio.current_time() == pytest.approx(seconds, abs=0.1)
    nursery.cancel_scope.cancel()


async def test_who_fails_to_take_their_answer_costs_nobody_else_theirs(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    batcher = Batcher(Disk().commit)
    nursery.start_soon(batcher.run)
    answers: list[object] = []

    def fail(answer: object) -> None:
        raise ZeroDivisionError

    batcher.enqueue(1, fail)
    batcher.enqueue(2, answers.append)
    await trio.sleep(1.5)
    assert answers == ["stored 2"]
    assert await batcher.submit(3) == "stored 3"
    nursery.cancel_scope.cancel()


@pytest.mark.usefixtures("many")
async def test_in_the_end_everybody_is_told_also_who_asks_for_the_next_thing_then(
    nursery: trio.Nursery,
) -> None:
    batcher = Batcher(Disk().commit)
    told: list[str] = []

    async def run() -> None:
        with trio.CancelScope() as scope:
            nursery.start_soon(cancel, scope)
            await batcher.run()

    async def cancel(scope: trio.CancelScope) -> None:
        await wait_all_tasks_blocked()
        scope.cancel()

    def ask_again(outcome: object) -> None:
        told.append(str(outcome))
        try:
            batcher.enqueue(0, ask_again)
        except Unavailable as refusal:
            told.append(f"again: {refusal}")

    count = BATCH_ITEMS_MAX + MANY - 1
    for item in range(count):
        batcher.enqueue(item, ask_again)
    with trio.fail_after(5):
        await run()
    end = "database ended before it was stored"
    # The batch in flight ends first, so what is asked for then is carried no further.
    assert told.count(end) == count + BATCH_ITEMS_MAX
    assert told.count(f"again: {end}") == count
    with pytest.raises(Unavailable):
        await batcher.submit(1)
