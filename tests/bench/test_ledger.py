"""Exactly once, in order: what the generator's accounts notice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.load.ledger import Ledger

ANA, BEN, CHLOE = 0, 1, 2
"""Connections 0 and 1 are one conversation, 2 and 3 another."""


def sent(count: int) -> Ledger:
    """Four connections; message n is from connection n % 4."""
    ledger = Ledger(4)
    for _ in range(count):
        ledger.send()
    return ledger


def told(ledger: Ledger, number: int, seq: int) -> None:
    """All that there is to say of a message."""
    sender = number % 4
    ledger.ack(sender, number)
    ledger.push(sender, number, seq)
    ledger.push(sender ^ 1, number, seq)


def whole() -> Ledger:
    """Ana, Ben, Chloe and Eve have said something; then Ana says message 4."""
    ledger = sent(5)
    for number, seq in ((0, 1), (1, 2), (2, 1), (3, 2)):
        told(ledger, number, seq)
    return ledger


def test_all_that_was_sent_has_come() -> None:
    ledger = whole()
    assert ledger.open == 3
    told(ledger, 4, 3)
    assert (ledger.open, ledger.settle(), ledger.acked) == (0, [], 5)


def test_only_what_the_other_heard_in_turn_is_a_delivery() -> None:
    ledger = sent(1)
    assert not ledger.push(ANA, 0, 1)
    assert ledger.push(BEN, 0, 1)
    assert not ledger.push(BEN, 0, 1)


FAULTS: dict[str, tuple[Callable[[Ledger], object], str]] = {
    "lost": (lambda ledger: ledger.ack(ANA, 4), "the delivery of message 4 never came"),
    "not acknowledged": (lambda ledger: ledger.push(BEN, 4, 3), "the ack of message 4 never came"),
    "twice": (lambda ledger: ledger.push(BEN, 0, 1), "the delivery of message 0 came twice"),
    "acknowledged twice": (lambda ledger: ledger.ack(ANA, 0), "the ack of message 0 came twice"),
    "astray": (
        lambda ledger: ledger.push(CHLOE, 4, 3),
        "message 4 went astray, to connection 2",
    ),
    "not sent": (lambda ledger: ledger.ack(BEN, 5), "the ack of message 5, which was not sent"),
    "a number left out": (
        lambda ledger: ledger.push(BEN, 4, 4),
        "number 4 of a conversation came after 2",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_must_not_happen_is_noticed(fault: str) -> None:
    plant, words = FAULTS[fault]
    ledger = whole()
    plant(ledger)
    assert words in ledger.settle()


def test_messages_of_one_person_that_change_places_are_noticed() -> None:
    ledger = sent(5)
    ledger.push(BEN, 4, 0)
    ledger.push(BEN, 0, 0)
    assert "the delivery of message 0 came behind that of a later one" in ledger.settle()


def test_a_refused_message_is_no_lost_one() -> None:
    ledger = whole()
    ledger.refuse(ANA, 4)
    assert (ledger.open, ledger.settle(), ledger.refused) == (0, [], {4})


def test_a_refused_message_that_is_delivered_is_noticed_whichever_comes_first() -> None:
    ledger = whole()
    ledger.refuse(ANA, 4)
    ledger.push(BEN, 4, 3)
    assert "message 4 was refused, and came" in ledger.settle()
    ledger = whole()
    ledger.push(BEN, 4, 3)
    ledger.refuse(ANA, 4)
    assert "message 4 was refused behind its delivery" in ledger.settle()


def test_many_faults_are_counted_and_a_few_are_told() -> None:
    complaints = sent(1000).settle()
    assert len(complaints) == 21
    assert complaints[-1] == "and 2980 more"
