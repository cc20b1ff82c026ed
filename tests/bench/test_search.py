"""Looking for the highest rate that passes."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from bench.search import Search


def searched(passes: Callable[[float], bool], **settings: float | None) -> Search:
    given = {"first": 2_000.0, "factor": 1.4, "precision": 1.05, "steps_max": 40} | settings
    search = Search(**given)  # type: ignore[arg-type]
    while (rate := search.next_rate()) is not None:
        search.tell(passes(rate))
    return search


@given(st.floats(100, 60_000))
def test_it_finds_the_limit_wherever_it_is(limit: float) -> None:
    search = searched(lambda rate: rate <= limit)
    assert search.best is not None
    assert search.worst is not None
    assert search.best <= limit < search.worst
    assert search.worst <= max(search.best * 1.05, search.best + 500)


def test_one_bad_moment_is_forgiven_and_noted() -> None:
    failed: set[float] = set()

    def passes(rate: float) -> bool:
        if rate > 5_000 or rate in failed:
            return rate <= 5_000
        failed.add(rate)
        return False

    search = searched(passes)
    assert search.best is not None
    assert 4_700 <= search.best <= 5_000
    assert failed <= set(search.repeats)


def test_it_ends_after_its_steps_with_the_best_so_far() -> None:
    search = searched(lambda rate: True, steps_max=3)
    assert search.steps == 3
    assert search.best == 3_900


def test_it_ends_when_nothing_passes() -> None:
    search = searched(lambda rate: False)
    assert search.best is None


def test_it_goes_on_from_what_is_known_to_pass() -> None:
    tried = []

    def passes(rate: float) -> bool:
        tried.append(rate)
        return False

    assert searched(passes, best=1_000.0).best == 1_000.0
    assert tried[0] == 2_000
    assert min(tried) > 1_000
