"""From one request to one reply.

What needs storage is done in the order it was asked, one at a time for each connection. What is
batched waits for its batch as an entry in a queue; other commands have a task while they are at
work. What needs no storage is answered at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import msgspec
import structlog
import trio

from realtime import wire
from realtime.client import Client
from storage.action import Action
from storage.errors import InternalError, Refusal, TooManyRequests
from storage.ids import new_id
from storage.words import Nothing

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

    @property
    def summary(self) -> str:
        return self.action.summary

    @property
    def body_type(self) -> Any:
        return self.action.command

    @property
    def result_type(self) -> Any:
        return self.action.result

    @cached_property
    def is_batched(self) -> bool:
        return self.action.many is not None and self.perform is None

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(self.body_type)


@dataclass(frozen=True)
class Marking(Stored):
    """Stored at most once a second for each conversation; the furthest mark wins."""


@dataclass(frozen=True)
class Instant:
    """Answered by this process alone, at once. `answer` may raise a Refusal."""

    name: str
    body_type: Any
    answer: Callable[[Core, Client, Any], Nothing]
    otherwise: Stored | None = None
    """What to ask of storage when `answer` knows of no such thing."""
    is_counted: bool = True
    """Whether it is one of the requests that a person may make in a minute."""
    result_type: ClassVar[Any] = Nothing

    @property
    def summary(self) -> str:
        """For the description of the socket."""
        return (self.answer.__doc__ or self.name).strip().splitlines()[0]

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
        self._has_ended = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as self._tasks:
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                # A batch may still be settled after this, and nothing can follow it any more.
                self._has_ended = True

    def submit(self, client: Client, asked: Asked) -> None:
        """Do it after what this connection asked before."""
        if client.pending is None:
            client.pending = deque([asked])
            self._work_off(client)
        elif len(client.pending) < PENDING_MAX:
            client.pending.append(asked)
        else:
            hint = f"at most {PENDING_MAX} may wait"
            refusal = TooManyRequests("pending", hint, retry_after_seconds=1)
            client.push(wire.refusal_reply(asked.request_ids, refusal))

    def _work_off(self, client: Client) -> None:
        """Begin what comes first; `_settled` goes on from there."""
        while client.pending:
            asked = client.pending[0]
            if self._has_ended or not client.is_open:
                client.pending.clear()
            elif not asked.command.is_batched:
                assert self._tasks is not None, "runs before anything is asked"
                self._tasks.start_soon(self._perform, client, asked)
                return
            else:
                assert client.actor is not None
                settled = partial(self._settled, client)
                action = asked.command.action
                try:
                    self._core.gate.enqueue(action, client.actor, asked.body, settled)
                except Exception as error:
                    self._answer(client, error)
                else:
                    return
        client.pending = None

    async def _perform(self, client: Client, asked: Asked) -> None:
        assert client.actor is not None
        command = asked.command
        outcome: Any
        try:
            if command.perform is not None:
                outcome = await command.perform(self._core, client, asked.body)
            else:
                outcome = await self._core.gate.perform(command.action, client.actor, asked.body)
        except Exception as error:
            outcome = error
        self._settled(client, outcome)

    def _settled(self, client: Client, outcome: Any) -> None:
        self._answer(client, outcome)
        self._work_off(client)

    def _answer(self, client: Client, outcome: Any) -> None:
        """Answer what came first, which is done with."""
        assert client.pending is not None
        asked = client.pending.popleft()
        try:
            client.push(_worded(asked, outcome))
        except Exception as error:
            client.push(failure_reply(asked.request_ids, asked.command.name, error))


def _worded(asked: Asked, outcome: Any) -> bytes:
    if isinstance(outcome, Refusal):
        return wire.refusal_reply(asked.request_ids, outcome)
    if isinstance(outcome, Exception):
        return failure_reply(asked.request_ids, asked.command.name, outcome)
    return wire.reply(asked.request_ids, outcome)


def failure_reply(request_ids: tuple[int, ...], event: str, error: Exception) -> bytes:
    """Log the error, and answer with what finds it in the log."""
    reference = str(new_id())
    log.error("command_failed", command=event, reference=reference, exc_info=error)
    return wire.refusal_reply(request_ids, InternalError("server", f"reference {reference}"))
