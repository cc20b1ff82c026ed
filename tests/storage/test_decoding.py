"""What could not be read is refused alike at both doors: by the field, in words."""

from __future__ import annotations

from typing import Annotated

import msgspec
import pytest

from storage.decoding import UNREADABLE, refusal_of
from storage.words import Seq, Words


class Ticket(Words):
    seat_number: int


class Order(Words):
    tickets: list[Ticket] = []  # noqa: RUF012  # msgspec copies it.
    have: dict[Annotated[str, msgspec.Meta(max_length=3)], Seq] = {}  # noqa: RUF012


@pytest.mark.parametrize(
    ("sent", "subject", "hint"),
    [
        (b"{", "order", "must be JSON"),
        (b'{"tickets":[', "order", "must be JSON"),
        (b"[]", "order", "Expected object, got array"),
        (b'{"seats":1}', "seats", "is not a known field"),
        (b'{"tickets":7}', "tickets", "Expected array, got int"),
        (b'{"tickets":[{}]}', "tickets[0].seatNumber", "is required"),
        (b'{"tickets":[{"seatNumber":"1"}]}', "tickets[0].seatNumber", "Expected int, got str"),
        (b'{"have":{"long":1}}', "have", "Expected str of length <= 3"),
        (b'{"have":{"a":-1}}', "have[...]", "Expected int >= 0"),
    ],
)
def test_the_field_at_fault_is_named(sent: bytes, subject: str, hint: str) -> None:
    with pytest.raises(UNREADABLE) as caught:
        msgspec.json.decode(sent, type=Order)
    refusal = refusal_of(caught.value, "order")
    assert (refusal.code, refusal.subject, refusal.hint) == ("invalid_input", subject, hint)
