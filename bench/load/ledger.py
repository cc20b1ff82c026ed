"""Exactly once, in order: what must come for each message, and whether it did.

Message n is sent by connection n % connections. Its sender hears the ack and the message, the
other of its conversation hears the message: three things, and each connection hears the things of
one kind in the order they were sent, so that one comparison tells that all is well.
"""

from __future__ import annotations

from enum import IntEnum

FAULTS_SHOWN = 20


class Lane(IntEnum):
    ACK = 0
    ECHO = 1
    DELIVERY = 2


LANES = len(Lane)


class Ledger:
    """`open` is how many things are still to come."""

    def __init__(self, connections: int) -> None:
        assert connections % 2 == 0, "they come in pairs"
        self._connections = connections
        self._next = {
            Lane.ACK: list(range(connections)),
            Lane.ECHO: list(range(connections)),
            Lane.DELIVERY: [place ^ 1 for place in range(connections)],
        }
        self._seqs = [0] * connections
        self._passed_over: dict[Lane, set[int]] = {lane: set() for lane in Lane}
        self.sent = 0
        self.acked = 0
        self.refused: set[int] = set()
        self.open = 0
        self.fault_count = 0
        self.faults: list[str] = []

    def send(self) -> None:
        """The next number is on its way."""
        self.sent += 1
        self.open += LANES

    def ack(self, place: int, number: int) -> bool:
        """False when it should not have come (again)."""
        taken = self._take(Lane.ACK, place, number)
        self.acked += taken
        return taken

    def refuse(self, place: int, number: int) -> None:
        """Nothing else may come of that message."""
        if self._take(Lane.ACK, place, number):
            self.refused.add(number)
            self.open -= LANES - 1
            if self._next[Lane.DELIVERY][place ^ 1] > number:
                self._fault(f"message {number} was refused behind its delivery")

    def push(self, place: int, number: int, seq: int) -> bool:
        """True for a message of the other one that came as it should.

        `seq`: its number in the conversation, one more than the last; 0 when that is not looked at.
        """
        if seq:
            if seq != self._seqs[place] + 1:
                self._fault(f"number {seq} of a conversation came after {self._seqs[place]}")
            self._seqs[place] = seq
        if number in self.refused:
            self._fault(f"message {number} was refused, and came")
            return False
        sender = number % self._connections
        if sender == place:
            self._take(Lane.ECHO, place, number)
            return False
        if sender == place ^ 1:
            return self._take(Lane.DELIVERY, place, number)
        self._fault(f"message {number} went astray, to connection {place}")
        return False

    def settle(self) -> list[str]:
        """When nothing more comes: every fault in words, of which the first few are shown."""
        for lane in Lane:
            missing = set(self._passed_over[lane])
            for number in self._next[lane]:
                missing.update(range(number, self.sent, self._connections))
            for number in sorted(missing - self.refused):
                self._fault(f"the {lane.name.lower()} of message {number} never came")
        more = self.fault_count - len(self.faults)
        return [*self.faults, *([f"and {more} more"] if more else [])]

    def _take(self, lane: Lane, place: int, number: int) -> bool:
        following = self._next[lane]
        if following[place] == number and number < self.sent:
            following[place] = number + self._connections
            self.open -= 1
            return True
        return self._take_out_of_turn(lane, place, number)

    def _take_out_of_turn(self, lane: Lane, place: int, number: int) -> bool:
        what = lane.name.lower()
        following, passed_over = self._next[lane], self._passed_over[lane]
        if not 0 <= number < self.sent:
            self._fault(f"the {what} of message {number}, which was not sent")
            return False
        if number > following[place]:
            passed_over.update(range(following[place], number, self._connections))
            following[place] = number + self._connections
            self.open -= 1
            return True
        if number not in passed_over:
            self._fault(f"the {what} of message {number} came twice")
            return False
        passed_over.remove(number)
        self.open -= 1
        self._fault(f"the {what} of message {number} came behind that of a later one")
        return True

    def _fault(self, words: str) -> None:
        self.fault_count += 1
        if len(self.faults) < FAULTS_SHOWN:
            self.faults.append(words)
