"""The default bus: PostgreSQL's NOTIFY, many entries to a payload, many payloads to a transaction.

NOTIFY takes a lock of the whole database at commit, so it runs on a connection of its own and
never inside the transactions that cause it: one notification a commit allows 5,000 a second,
a hundred a commit 200,000.

A payload is a head, `origin number audience`, and then one line for each entry. The number counts
this origin's payloads, and an empty payload follows each second of silence, so a receiver knows
that something was lost even when nothing comes after it.

`audience` is 1 for a process that has listeners. While no other one says so, as when there is one
socket server and the rest only commits, nothing is sent but the silence: each number that is
skipped then tells whoever listens after all to read the journal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import structlog
import trio

from storage.bus.interface import Listener
from storage.database import Database
from storage.ids import new_id
from storage.journal import Entry

CHANNEL = "loopync_bus"
PAYLOAD_BYTES_MAX = 7_900  # NOTIFY refuses 8,000.
PAYLOADS_PER_COMMIT_MAX = 100
QUEUE_LINES_MAX = 50_000
BEAT_SECONDS = 1.0
AUDIENCE_SECONDS = 3 * BEAT_SECONDS
"""Of a process that was silent for so long it is not known whether anybody listens there. Nor
whether it died between a commit and telling of it: that counts as lost."""
RETRY_SECONDS = 0.5
REST_SECONDS_MAX = 1.0
"""What an orderly end waits for its last words. What they cannot hold is missed after
AUDIENCE_SECONDS."""
SEQ_MAX = 2**63 - 1  # A bigint.

log = structlog.get_logger()


class NotifyBus:
    def __init__(self, database: Database) -> None:
        self.origin = new_id()
        self._database = database
        self._listeners: list[Listener] = []
        self._lines: deque[bytes] = deque()
        self._in_flight: list[str] = []
        """Payloads of which it is not known yet whether they were sent."""
        self._wake = trio.Event()
        self._number = 0
        self._numbers_heard: dict[str, int] = {}
        self._heard_at: dict[str, float] = {}
        self._audiences: dict[str, float] = {}
        """Others that have listeners, and when they said so last."""
        self._hearing_since: float | None = None
        self._is_alone = False

    # ---- towards the others

    def publish_many(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            for listener in self._listeners:
                listener.heard(entry)
            if not self._is_alone:
                self._queue(_entry_line(entry))
        if self._is_alone:
            self._number += 1

    def whisper(self, topic: str, kind: str, body: bytes) -> None:
        for listener in self._listeners:
            listener.whispered(topic, kind, body)
        if self._is_alone:
            return
        line = b"%b 0 %b %b" % (topic.encode(), kind.encode(), body)
        if len(line) <= PAYLOAD_BYTES_MAX - 60:
            self._queue(line)

    @contextmanager
    def subscribe(self, listener: Listener) -> Iterator[None]:
        self._listeners.append(listener)
        self._wake.set()  # The others shall know at once that there is somebody here.
        try:
            yield
        finally:
            self._listeners.remove(listener)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Carry both ways until cancelled, through any outage of the database."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._send_for_ever)
            await self._hear_for_ever(task_status)

    async def tell_rest(self) -> None:
        """At an orderly end, behind `run` and the last commit: what could not be told before, as
        much as one commit carries. Takes REST_SECONDS_MAX at most, even when cancelled."""
        if not self.connected:
            return
        with trio.move_on_after(REST_SECONDS_MAX, shield=True):
            payloads, lines = self._pack()
            try:
                # A payload that was heard after all says its number twice, and the others look.
                await self._send(self._in_flight + payloads)
            except Exception as error:
                log.warning("bus_rest_not_told", lines=lines, error=str(error))

    def _queue(self, line: bytes) -> None:
        self._lines.append(line)
        if len(self._lines) > QUEUE_LINES_MAX:
            # The others will miss this line's number and compare tips instead.
            self._lines.popleft()
            self._number += 1
        self._wake.set()

    async def _send_for_ever(self) -> None:
        while True:
            with trio.move_on_after(BEAT_SECONDS):
                await self._wake.wait()
            self._look_around()
            self._in_flight, taken = self._pack()
            try:
                await self._send(self._in_flight)
            except Exception as error:
                # A full disk as well as an outage. What was taken may have been heard or not; its
                # numbers are skipped, so the others know, and read the journal.
                log.warning("bus_send_failed", lines=taken, error=str(error))
                await trio.sleep(RETRY_SECONDS)
            self._in_flight = []

    async def _send(self, payloads: list[str]) -> None:
        async with self._database.transaction() as tx:
            await tx.run(NOTIFY, CHANNEL, payloads)

    def _pack(self) -> tuple[list[str], int]:
        """Take lines off the queue, as many as one commit may carry; at least an empty beat."""
        payloads: list[str] = []
        taken = 0
        while self._lines and len(payloads) < PAYLOADS_PER_COMMIT_MAX:
            head = self._head()
            size = len(head)
            lines = [head]
            while self._lines and size + 1 + len(self._lines[0]) <= PAYLOAD_BYTES_MAX:
                size += 1 + len(self._lines[0])
                lines.append(self._lines.popleft())
                taken += 1
            payloads.append(b"\n".join(lines).decode())
        if not payloads:
            payloads.append(self._head().decode())
        if not self._lines:
            self._wake = trio.Event()
        return payloads, taken

    def _head(self) -> bytes:
        self._number += 1
        return b"%b %d %d" % (str(self.origin).encode(), self._number, bool(self._listeners))

    # ---- from the others

    @property
    def connected(self) -> bool:
        """Whether the others can be heard at the moment."""
        return self._hearing_since is not None

    def _look_around(self) -> None:
        """Whether there is anybody to tell. Who has not heard for long enough does not know."""
        before = trio.current_time() - AUDIENCE_SECONDS
        self._audiences = {who: at for who, at in self._audiences.items() if at > before}
        since = self._hearing_since
        self._is_alone = not self._audiences and since is not None and since <= before
        silent = [who for who, at in self._heard_at.items() if at <= before]
        for who in silent:
            del self._heard_at[who]
            self._numbers_heard.pop(who, None)
        if silent:
            self._say_lost()

    def _tell_from_now_on(self, origin: str) -> None:
        self._audiences[origin] = trio.current_time()
        if self._is_alone:
            self._is_alone = False
            self._wake.set()  # The number tells them at once that they have missed something.

    async def _hear_for_ever(self, task_status: trio.TaskStatus[None]) -> None:
        started = False
        while True:
            try:
                async with self._database.listening(CHANNEL, self._receive) as listening:
                    self._hearing_since = trio.current_time()
                    self._numbers_heard.clear()
                    self._wake.set()
                    if not started:
                        started = True
                        task_status.started()
                    # Between the last listening and this one nobody listened.
                    self._say_lost()
                    await listening.wait_lost()
                log.warning("bus_link_lost")
            except Exception as error:
                log.warning("bus_link_failed", error=str(error))
            self._hearing_since = None
            self._is_alone = False
            self._say_lost()
            await trio.sleep(RETRY_SECONDS)

    def _receive(self, payload: str) -> None:
        try:
            self._read(payload)
        except Exception as error:
            # Anybody who may use the database may NOTIFY. Whatever it was, it may have been news.
            log.warning("bus_payload_unreadable", error=repr(error), bytes=len(payload))
            self._say_lost()

    def _read(self, payload: str) -> None:
        head, *lines = payload.encode().split(b"\n")
        origin, number_text, audience = head.decode().split(" ")
        if origin == str(self.origin):
            return
        number = int(number_text)
        self._heard_at[origin] = trio.current_time()
        if audience == "1":
            self._tell_from_now_on(origin)
        # Of one that is heard for the first time in its middle, nobody knows what came before.
        expected = self._numbers_heard.get(origin, 0) + 1
        self._numbers_heard[origin] = number
        for line in lines:
            self._receive_line(line)
        if number != expected:
            self._say_lost()

    def _receive_line(self, line: bytes) -> None:
        topic_text, seq_text, kind_text, body = line.split(b" ", 3)
        topic, seq, kind = topic_text.decode(), int(seq_text), kind_text.decode()
        if not 0 <= seq <= SEQ_MAX:
            raise ValueError(f"{seq} numbers no entry")
        for listener in self._listeners:
            if seq == 0:
                listener.whispered(topic, kind, body)
            else:
                listener.heard(Entry(topic, seq, kind, body or None))

    def _say_lost(self) -> None:
        for listener in self._listeners:
            listener.lost()


def _entry_line(entry: Entry) -> bytes:
    head = b"%b %d %b " % (entry.topic.encode(), entry.seq, entry.kind.encode())
    body = entry.body or b""
    # JSON as we write it holds no line feed, so a line is a line.
    return head + body if len(head) + len(body) <= PAYLOAD_BYTES_MAX - 60 else head


# What is told was committed before, so this commit has nothing to lose and need not wait for the
# disk.
NOTIFY = """
    SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, payload)
      FROM unnest($2::text[]) AS payload
"""
