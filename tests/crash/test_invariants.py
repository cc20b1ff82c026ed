"""Each kind of violation, made by hand in a run that is otherwise in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest

from tests.crash.evidence import (
    Ack,
    Evidence,
    Heard,
    HeardMark,
    HeardMessage,
    Listed,
    MarkAnswer,
    Membership,
    Stored,
    Write,
)
from tests.crash.invariants import Kind, violations


def in_order() -> Evidence:
    """Ana has made a group with Ben and written to it twice; he has read the first."""
    note = Stored("tea", 1, "m1", "ana", "created: Tea", is_note=True)
    hello = Stored("tea", 2, "m2", "ana", "hello", is_note=False)
    again = Stored("tea", 3, "m3", "ana", "again", is_note=False)
    rows = [note, hello, again]
    pushes = [HeardMessage("tea", row.seq, row.message, row.author, row.text) for row in rows]
    told = [HeardMark("tea", "ben", "delivered", 1), HeardMark("tea", "ben", "read", 2)]
    return Evidence(
        writes=[
            Write(
                author="ana",
                writer="ana's left hand",
                text="created: Tea",
                is_note=True,
                acks=[Ack("tea", "", 0)],
                tries=1,
            ),
            Write(
                author="ana",
                writer="ana's left hand",
                text="hello",
                acks=[Ack("tea", "m2", 2), Ack("tea", "m2", 2)],
                tries=2,
            ),
            Write(
                author="ana",
                writer="ana's left hand",
                text="again",
                acks=[Ack("tea", "m3", 3)],
                tries=1,
            ),
        ],
        stored=rows,
        memberships=[Membership("tea", "ana", 0, 0, 0), Membership("tea", "ben", 0, 2, 2)],
        heard=[
            Heard("ana's phone", "ana", list(pushes), list(told)),
            Heard("ben's phone", "ben", list(pushes), list(told)),
            Heard("ben's laptop", "ben", list(pushes), list(told)),
        ],
        marks=[MarkAnswer("tea", "ben", "ben's phone", "read", 2, 2)],
        listed=[Listed("tea", "ana", 3, 0, 0), Listed("tea", "ben", 3, 2, 1)],
    )


def test_a_run_in_order_has_no_violation() -> None:
    assert violations(in_order()) == []


def never_answered(run: Evidence) -> None:
    run.writes[2].acks.clear()


def answered_twice(run: Evidence) -> None:
    run.writes[1].acks.append(Ack("tea", "m9", 9))


def acked_and_gone(run: Evidence) -> None:
    del run.stored[2]


def acked_with_anothers_number(run: Evidence) -> None:
    run.writes[1].acks[:] = [Ack("tea", "m1", 1)]


def refused_and_stored(run: Evidence) -> None:
    run.writes[2].acks.clear()
    run.writes[2].refusals.append("forbidden")


def stored_twice(run: Evidence) -> None:
    run.stored.append(replace(run.stored[2], seq=4, message="m4"))


def stored_and_never_sent(run: Evidence) -> None:
    run.stored.append(Stored("tea", 4, "m4", "eve", "psst", is_note=False))


def a_number_left_out(run: Evidence) -> None:
    run.stored[2] = replace(run.stored[2], seq=4)


def the_second_before_the_first(run: Evidence) -> None:
    run.writes[1:] = reversed(run.writes[1:])


def a_device_missed_one(run: Evidence) -> None:
    del run.heard[2].messages[1]


def a_device_heard_one_twice(run: Evidence) -> None:
    run.heard[2].messages.append(run.heard[2].messages[-1])


def a_device_heard_the_last_first(run: Evidence) -> None:
    run.heard[1].messages.reverse()


def a_device_heard_other_words(run: Evidence) -> None:
    run.heard[1].messages[1] = replace(run.heard[1].messages[1], text="bye")


def eve_heard_it(run: Evidence) -> None:
    run.heard.append(Heard("eve's phone", "eve", list(run.heard[0].messages)))


def ben_heard_what_was_before_him(run: Evidence) -> None:
    run.memberships[1] = replace(run.memberships[1], joined_seq=1)


def an_answer_behind_the_question(run: Evidence) -> None:
    run.marks.append(MarkAnswer("tea", "ben", "ben's laptop", "read", 2, 1))


def an_answer_behind_the_last(run: Evidence) -> None:
    run.marks.append(MarkAnswer("tea", "ben", "ben's phone", "read", 1, 1))


def a_mark_told_backwards(run: Evidence) -> None:
    run.heard[0].marks.append(HeardMark("tea", "ben", "read", 1))


def a_mark_that_was_answered_and_is_not_stored(run: Evidence) -> None:
    run.marks.append(MarkAnswer("tea", "ben", "ben's laptop", "read", 3, 3))


def one_unread_too_many(run: Evidence) -> None:
    run.listed[1] = replace(run.listed[1], unread=2)


def a_conversation_not_listed(run: Evidence) -> None:
    del run.listed[1]


def a_full_queue(run: Evidence) -> None:
    run.heard[0].dropped = 1


CASES: list[tuple[Callable[[Evidence], None], Kind]] = [
    (never_answered, "unanswered"),
    (answered_twice, "two answers"),
    (acked_and_gone, "lost"),
    (acked_with_anothers_number, "altered"),
    (refused_and_stored, "altered"),
    (stored_twice, "doubled"),
    (stored_and_never_sent, "from nobody"),
    (a_number_left_out, "hole"),
    (the_second_before_the_first, "out of turn"),
    (a_device_missed_one, "unheard"),
    (a_device_heard_one_twice, "heard twice"),
    (a_device_heard_the_last_first, "heard out of order"),
    (a_device_heard_other_words, "altered"),
    (eve_heard_it, "overheard"),
    (ben_heard_what_was_before_him, "overheard"),
    (an_answer_behind_the_question, "mark went back"),
    (an_answer_behind_the_last, "mark went back"),
    (a_mark_told_backwards, "mark went back"),
    (a_mark_that_was_answered_and_is_not_stored, "mark lost"),
    (one_unread_too_many, "miscounted"),
    (a_conversation_not_listed, "miscounted"),
    (a_full_queue, "harness"),
]


@pytest.mark.parametrize(("spoil", "kind"), CASES, ids=[case[0].__name__ for case in CASES])
def test_what_is_wrong_is_named(spoil: Callable[[Evidence], None], kind: Kind) -> None:
    run = in_order()
    spoil(run)
    assert kind in {violation.kind for violation in violations(run)}


def test_every_kind_is_shown() -> None:
    assert {kind for _, kind in CASES} == set(get_args(Kind))
