"""What a run of the bench hands on, whatever the machine allowed it to find."""

from __future__ import annotations

from bench import report
from bench.contest import Trial
from bench.load.orders import Outcome, Spread

CALM = Spread(p50=1.0, p95=2.0, p99=3.0, max=4.0)


def trial(rate: float) -> Trial:
    outcome = Outcome(
        sent=100,
        measured=100,
        acked_in_all=100,
        refused=0,
        stopped_early=False,
        delivery=CALM,
        ack=CALM,
        lateness=CALM,
        generator_cpu_seconds=0.1,
        faults=[],
    )
    return Trial(rate, 1.0, outcome, 0.5, 0.5, 1.2)


def test_the_ratio_is_that_of_the_highest_rates() -> None:
    told = report.told(
        "message",
        {
            "loopync": report.Result(trial(1_000), trial(6_000), 100),
            "python_socketio": report.Result(trial(1_000), trial(1_500), 100),
        },
    )
    assert told["figures"]["messages_per_second"] == 6_000
    assert told["figures"]["ratio_python_socketio"] == 4.0
    assert told["peers"]["python_socketio"]["messages_per_second"] == 1_500


def test_on_a_machine_where_a_peer_passed_at_no_rate_the_rest_is_told_and_no_ratio() -> None:
    told = report.told(
        "message",
        {
            "loopync": report.Result(trial(1_000), trial(4_000), 100),
            "python_socketio": report.Result(trial(1_000), None, 100),
        },
    )
    assert told["figures"]["messages_per_second"] == 4_000
    assert told["peers"]["python_socketio"]["messages_per_second"] == 0
    assert told["peers"]["python_socketio"]["delivery_ms_p99"] == CALM.p99
    assert "ratio_python_socketio" not in told["figures"]
    assert "delivery_ms_p99_at_max" in report.table(told)
