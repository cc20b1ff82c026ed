"""One realtime process: its parts, and what they are to each other."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
import trio

from realtime import presence, typing_signal
from realtime.arrivals import Arrivals
from realtime.client import Client
from realtime.dispatch import Command, Dispatch
from realtime.hub import Hub
from realtime.leases import DatabasePresence
from realtime.marks import Marks
from realtime.people import People
from realtime.presence import Presence
from realtime.reactions import Reactions
from realtime.reader import DatabaseReader
from realtime.repair import Repair
from realtime.watching import Watching
from storage.domains.messaging import TYPING
from storage.gate import Gate
from storage.ids import UserId
from storage.journal import Entry
from storage.limits import connect_key

log = structlog.get_logger()

BLOCKING_KINDS = frozenset({"user_blocked", "user_unblocked"})

RECHECKING_KINDS = frozenset(
    {
        "friend_added",
        "friend_removed",
        "user_blocked",
        "user_unblocked",
        "settings_updated",
        "conversation_added",
    }
)
"""What may change whose presence somebody may know: all on the topics of the people concerned."""


class Core:
    def __init__(self, gate: Gate, commands: Mapping[str, Command], *, ping_seconds: float) -> None:
        self.gate = gate
        self.commands = commands
        self.people = People()
        self.blocks_seen = 0
        """Counts blocks and unblocks, wherever they were made."""
        reader = DatabaseReader(gate.database)
        stored_presence = DatabasePresence(gate)
        self.hub = Hub()
        self.arrivals = Arrivals(
            self.hub, reader, ping_seconds=ping_seconds, arrived=self._arrived, failed=self._failed
        )
        self.hub.reaction = Reactions(self.hub, self.people, self.arrivals)
        self.presence = Presence(self.people, stored_presence, gate.bus)
        self.watching = Watching(self.people, stored_presence)
        self.dispatch = Dispatch(self)
        self.marks = Marks(self.dispatch)
        self._repair = Repair(self.hub, reader)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        with self.gate.bus.subscribe(self):
            async with trio.open_nursery() as nursery:
                await nursery.start(self.dispatch.run)
                for part in (
                    self.arrivals.run,
                    self.presence.run,
                    self.watching.run,
                    self.marks.run,
                    self._repair.run,
                ):
                    nursery.start_soon(part)
                task_status.started()

    # ---- the bus (storage.bus.Listener), which must not hear of our mistakes: whoever publishes
    # has committed, and is about to say so.

    def heard(self, entry: Entry) -> None:
        try:
            self.hub.heard(entry)
            if entry.kind in BLOCKING_KINDS:
                self.blocks_seen += 1
            if entry.kind in RECHECKING_KINDS:
                self.watching.recheck(UserId(presence.uuid_of(entry.topic)))
        except Exception:
            log.exception("entry_failed", topic=entry.topic, seq=entry.seq, kind=entry.kind)

    def whispered(self, topic: str, kind: str, body: bytes) -> None:
        try:
            if kind == TYPING:
                typing_signal.deliver(self.hub, topic, body)
            elif kind == presence.KIND:
                self.watching.changed(UserId(presence.uuid_of(topic)))
        except Exception:
            log.exception("whisper_failed", topic=topic, kind=kind)

    def lost(self) -> None:
        self.blocks_seen += 1
        self.hub.lost()
        self.watching.lost()

    # ---- the life of a connection

    def _arrived(self, client: Client) -> None:
        self.presence.arrived(client)

    def _failed(self, client: Client) -> None:
        client.is_arriving = False
        self.gate.limits.give_back(connect_key(client.user))
        self.people.remove(client)
        client.user = ""

    def left(self, client: Client) -> None:
        """Nothing of the connection stays behind."""
        self.hub.forget(client)
        self.watching.forget(client)
        if client.user:
            self.people.remove(client)
        self.presence.left(client)
        client.marks = client.typed = client.audiences = client.held = None
