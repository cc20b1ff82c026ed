"""The product as it is, or broken on purpose: what the controls of these tests run.

`python -m tests.faults.variants up <variant>` is the supervisor, whose parts it starts through
this file again, so that the same thing is broken in each of them.
"""

from __future__ import annotations

import dataclasses
import json
import os
import runpy
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import trio

from ops.parts import parts, python
from ops.report import said_to_person
from ops.supervise import up
from realtime import listener
from realtime.socket_limits import SocketLimits
from storage import clock, room
from storage.database import DatabaseUnavailable
from storage.domains.messaging import Sent, history
from storage.embedded import reserve, server
from storage.errors import Unavailable
from storage.gate import Gate
from storage.ids import ConversationId, MessageId, new_id
from storage.process import spawn
from storage.settings import Settings

THIS = "tests.faults.variants"
PARTS_CLOCK, DATABASE_CLOCK = "FAULTS_PARTS_CLOCK", "FAULTS_DATABASE_CLOCK"
"""Environment variables that hold further ones, as JSON."""

SEND_BUFFER_BYTES = 16_384


def sound() -> None:
    """Nothing is broken."""


def unwatched() -> None:
    """Nobody looks how much room there is: it ends by surprise, as under a quota."""
    room.ROOM_BYTES_MIN = 0


def ignores_failure() -> None:
    """What could not be stored is acknowledged all the same."""
    unwatched()
    commit = Gate._commit_batch

    async def acknowledge(gate: Gate, action: Any, items: Sequence[Any]) -> Sequence[Any]:
        try:
            outcomes = await commit(gate, action, items)
        except (Unavailable, DatabaseUnavailable) as error:
            outcomes = [error] * len(items)
        return [_made_up(outcome, item) for outcome, item in zip(outcomes, items, strict=True)]

    setattr(Gate, "_commit_batch", acknowledge)  # noqa: B010 - by its name: it is another type


def _made_up(outcome: Any, item: Any) -> Any:
    if not isinstance(outcome, Exception):
        return outcome
    conversation_id = ConversationId(item[1].conversation_id)
    return Sent(
        id=MessageId(new_id()),
        conversation_id=conversation_id,
        seq=1,
        created_at=clock.utc_now(),
    )


def without_reserve() -> None:
    """A server that ended on the full disk finds no room to start in."""
    reserve.prepare = lambda data: None


def ordered_by_clock() -> None:
    """History goes by when things were said, and not by their numbers."""
    history.FIND_SPAN = history.FIND_SPAN.replace("ORDER BY seq", "ORDER BY created_at")


def small_buffers() -> None:
    """The kernel holds little for a reader, so that what is sent soon waits in our queue."""

    def listen(host: str, port: int, *, reuse_port: bool) -> socket.socket:
        listener = listen_at(host, port, reuse_port=reuse_port)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        return listener

    listen_at = listener.listen
    listener.listen = listen


def uncapped() -> None:
    """What waits for a slow reader may wait for ever, however much it is."""
    small_buffers()
    defaults = SocketLimits.__init__.__kwdefaults__
    assert defaults is not None
    defaults.update(queue_bytes_max=sys.maxsize, queue_seconds_max=1e9)


VARIANTS: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        small_buffers,
        sound,
        unwatched,
        ignores_failure,
        without_reserve,
        ordered_by_clock,
        uncapped,
    )
}


def _told(variable: str) -> tuple[str, ...]:
    """The beginning of a command that has what `variable` holds in its environment."""
    told = json.loads(os.environ.get(variable, "{}"))
    return ("/usr/bin/env", *(f"{name}={value}" for name, value in told.items()))


def _spawn_told(
    spawn: Callable[..., Any], told: Sequence[str], command: Sequence[Any], **others: Any
) -> Any:
    """Told only behind the change of user: what root makes there, nobody could not open."""
    return spawn([*told, *command], **others)


async def _up(variant: str) -> None:
    settings = Settings.from_environment()
    with_clock = partial(_spawn_told, spawn, _told(DATABASE_CLOCK))
    setattr(server, "spawn", with_clock)  # noqa: B010 - by its name: it is another type
    running = []
    for part in parts(settings):
        command = (*_told(PARTS_CLOCK), *python(THIS), "part", variant, part.command[-1])
        running.append(dataclasses.replace(part, command=command))
    await up(settings, running, demo=python("ops.demo"))


if __name__ == "__main__":
    VARIANTS[sys.argv[2]]()
    if sys.argv[1] == "up":
        with said_to_person():
            trio.run(_up, sys.argv[2])
    else:
        sys.argv = sys.argv[3:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
