"""How long clients waited after each kill: for an answer, and for what others had written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.crash.device import Device
from tests.crash.hand import Wait
from tests.crash.killer import Kill


@dataclass(frozen=True, slots=True)
class Outage:
    """The longest waits, in seconds, of those whom the kill kept waiting."""

    kill: Kill
    after_seconds: float
    """Since the first kill."""
    answer_seconds: float
    delivery_seconds: float
    answers: int

    def __str__(self) -> str:
        return (
            f"{self.after_seconds:6.1f} s  {self.kill!s:24}"
            f" answer {self.answer_seconds:5.2f} s  delivery {self.delivery_seconds:5.2f} s"
            f"  ({self.answers} messages)"
        )


def outages(
    kills: Sequence[Kill], waits: Iterable[Wait], devices: Sequence[Device]
) -> list[Outage]:
    """Waits that anybody made longer for themselves, by going away or cutting, do not count."""
    fair = [wait for wait in waits if not wait.hindered]
    ends = [later.at for _, later in pairwise(kills)] + [float("inf")]
    return [
        _outage(kill, end, kills[0].at, fair, devices)
        for kill, end in zip(kills, ends, strict=True)
    ]


def _outage(
    kill: Kill, end: float, first: float, fair: Iterable[Wait], devices: Sequence[Device]
) -> Outage:
    answers = [0.0]
    deliveries = [0.0]
    for wait in fair:
        if wait.began < end and wait.ended > kill.at:
            answers.append(wait.ended - max(wait.began, kill.at))
            for device in devices:
                heard = device.heard_at.get(wait.message)
                if heard is not None and not device.was_absent(wait.began, heard):
                    deliveries.append(heard - max(wait.began, kill.at))
    return Outage(kill, kill.at - first, max(answers), max(deliveries), len(answers) - 1)
