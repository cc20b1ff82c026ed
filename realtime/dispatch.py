"""From one request to one reply.

What needs storage is done in the order it was asked, connection by connection, by a task that
exists only while something waits. What does not is answered at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import structlog
import trio

from realtime import wire
from realtime.client import Client
from storage.action import Action
from storage.errors import InternalError, Refusal, TooManyRequests
from storage.ids import new_id

if TYPE_CHECKING:
    from realtime.core import Core

PENDING_MAX = 64

log = structlog.get_logger()


@dataclass(frozen=True)
class Stored:
    """Performed by the gate, in the order asked. `perform` may do something around it."""

    action: Action[..., Any]
    perform: Callable[[Core, Client, Any], Awaitable[Any]] | None = None

    @property
    def name(self) -> str:
        return self.action.name

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(self.action.command)


@dataclass(frozen=True)
class Marking(Stored):
    """Stored at most once a second for each conversation; the furthest mark wins."""


@dataclass(frozen=True)
class Instant:
    """Answered by this process alone, at once. `answer` may raise a Refusal."""

    name: str
    body_type: Any
    answer: Callable[[Core, Client, Any], Any]
    otherwise: Stored | None = None
    """What to ask of storage when `answer` knows of no such thing."""
    is_counted: bool = True
    """Whether it is one of the requests that a person may make in a minute."""

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(self.body_type)


Command: TypeAlias = Stored | Instant


@dataclass(frozen=True, slots=True)
class Asked:
    """A command on its way to storage, for one request or for several of one kind."""

    request_ids: tuple[int, ...]
    command: Stored
    body: Any


class Dispatch:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._tasks: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as self._tasks:
            task_status.started()
            await trio.sleep_forever()

    def submit(self, client: Client, asked: Asked) -> None:
        """Do it after what this connection asked before."""
        if client.pending is None:
            assert self._tasks is not None, "runs before anything is asked"
            client.pending = deque([asked])
            self._tasks.start_soon(self._work_off, client)
        elif len(client.pending) < PENDING_MAX:
            client.pending.append(asked)
        else:
            hint = f"at most {PENDING_MAX} may wait"
            refusal = TooManyRequests("pending", hint, retry_after_seconds=1)
            client.push(wire.refusal_reply(asked.request_ids, refusal))

    async def _work_off(self, client: Client) -> None:
        assert client.pending is not None
        while client.pending and client.is_open:
            asked = client.pending[0]
            client.push(await self._reply(client, asked))
            client.pending.popleft()
        client.pending = None

    async def _reply(self, client: Client, asked: Asked) -> bytes:
        assert client.actor is not None
        command = asked.command
        try:
            if command.perform is not None:
                result = await command.perform(self._core, client, asked.body)
            else:
                result = await self._core.gate.perform(command.action, client.actor, asked.body)
            return wire.reply(asked.request_ids, result)
        except Refusal as refusal:
            return wire.refusal_reply(asked.request_ids, refusal)
        except Exception as error:
            return failure_reply(asked.request_ids, command.name, error)


def failure_reply(request_ids: tuple[int, ...], event: str, error: Exception) -> bytes:
    """Log the error, and answer with what finds it in the log."""
    reference = str(new_id())
    log.error("command_failed", command=event, reference=reference, exc_info=error)
    return wire.refusal_reply(request_ids, InternalError("server", f"reference {reference}"))
