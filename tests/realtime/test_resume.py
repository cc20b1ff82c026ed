"""What was missed, as frames: pure."""

from __future__ import annotations

from realtime.resume import Plan, Read, replay
from storage.ids import UserId, new_id
from storage.journal import Entry

TOPIC = "conversation:plans"
BYTES_MAX = 100_000


def entry(seq: int) -> Entry:
    return Entry(TOPIC, seq, "group_renamed", b'{"name":"%d"}' % seq)


def test_what_was_read_for_ana_and_again_for_ben_is_told_to_each_once() -> None:
    read = Read()
    read.add([entry(3), entry(4)])
    read.add([entry(1), entry(2), entry(3)])
    ana, ben = Plan(), Plan()
    ana.add(TOPIC, have=2, from_seq=0, here=4)
    ben.add(TOPIC, have=0, from_seq=0, here=4)
    for plan, seqs in ((ana, [3, 4]), (ben, [1, 2, 3, 4])):
        user = str(UserId(new_id()))
        frames = list(replay(plan, read, user, bytes_max=BYTES_MAX))
        assert all(b'"seq":%d,' % seq in frame for seq, frame in zip(seqs, frames, strict=True)), (
            frames
        )
