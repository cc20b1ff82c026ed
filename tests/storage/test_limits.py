import pytest

from storage.errors import TooManyRequests
from storage.limits import KEYS_MAX, Limits


class Clock:
    def __init__(self) -> None:
        self.seconds = 600.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> Limits:
    return Limits(1.0, clock)


def test_ana_may_ask_five_times_and_is_told_how_long_to_wait(limits: Limits, clock: Clock) -> None:
    for _ in range(5):
        limits.count("ana", 5)
    with pytest.raises(TooManyRequests) as refusal:
        limits.count("ana", 5)

    wait_seconds = refusal.value.retry_after_seconds
    assert wait_seconds is not None
    clock.seconds += wait_seconds - 0.1
    with pytest.raises(TooManyRequests):
        limits.count("ana", 5)
    clock.seconds += 0.2
    limits.count("ana", 5)


def test_nobody_gets_twice_the_limit_around_the_turn_of_the_minute(
    limits: Limits, clock: Clock
) -> None:
    clock.seconds = 659.0
    for _ in range(5):
        limits.count("ana", 5)
    clock.seconds = 661.0
    with pytest.raises(TooManyRequests) as refusal:
        limits.count("ana", 5)
    clock.seconds += (refusal.value.retry_after_seconds or 0) + 0.01
    limits.count("ana", 5)


def test_a_refused_request_does_not_count(limits: Limits, clock: Clock) -> None:
    limits.count("ana", 1)
    for _ in range(50):
        with pytest.raises(TooManyRequests):
            limits.count("ana", 1)
    clock.seconds += 120
    limits.count("ana", 1)


def test_what_came_to_nothing_is_given_back(limits: Limits) -> None:
    limits.give_back("ana")
    for _ in range(50):
        limits.count("ana", 1)
        limits.give_back("ana")
    limits.count("ana", 1)
    with pytest.raises(TooManyRequests):
        limits.count("ana", 1)


def test_ben_is_not_limited_by_what_ana_asks(limits: Limits) -> None:
    limits.count("ana", 1)
    limits.count("ben", 1)


def test_the_scale_multiplies_every_limit(clock: Clock) -> None:
    limits = Limits(2.0, clock)
    for _ in range(10):
        limits.count("ana", 5)
    with pytest.raises(TooManyRequests, match="at most 10"):
        limits.count("ana", 5)


def test_a_flood_of_addresses_costs_bounded_memory(limits: Limits) -> None:
    for number in range(KEYS_MAX + 100):
        limits.count(str(number), 5)
    assert len(limits._counts) == KEYS_MAX
