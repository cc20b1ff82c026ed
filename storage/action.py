"""What a domain offers to the doors: actions, as its own functions, marked.

An action is written as `async def verb(tx, actor, command) -> result`. Its name is the
socket's event and the operation in the API document; the types in its signature are what
the doors decode and describe. So a door's table only says which actions it offers, and where.
"""

from __future__ import annotations

import typing
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Literal, ParamSpec, Protocol, TypeAlias, TypeVar, overload

from storage.actor import Actor, Visitor
from storage.bus.interface import Bus
from storage.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

Way: TypeAlias = Literal["writes", "reads", "flow"]


class Steps(Protocol):
    """What a flow may use: single actions, each in a transaction of its own."""

    @property
    def settings(self) -> Settings: ...

    @property
    def bus(self) -> Bus: ...

    def count_guess(self, account: str) -> None:
        """Count one try at an account's password, from wherever. Raises TooManyRequests."""

    async def step(self, action: Action[..., R], actor: Actor | Visitor, command: Any) -> R: ...


@dataclass(frozen=True)
class Action(Generic[P, R]):
    """A domain's function together with what the gate and the doors must know about it."""

    function: Callable[P, Awaitable[R]]
    way: Way
    many: Callable[..., Awaitable[Sequence[Any]]] | None = None
    """Batched form: `many(tx, [(actor, command), …]) -> [result or Refusal, …]`."""
    needs_room: bool = True
    """Whether what it stores is refused while the disk is full (storage.room)."""

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self.function(*args, **kwargs)

    @cached_property
    def name(self) -> str:
        return self.function.__name__

    @cached_property
    def _hints(self) -> list[Any]:
        """The types of the second and third parameter, and of the result."""
        hints = typing.get_type_hints(self.function, include_extras=True)
        result = hints.pop("return")
        return [*list(hints.values())[1:3], result]

    @cached_property
    def visitor(self) -> bool:
        """Whether those who are not signed in may ask."""
        return bool(self._hints[0] is Visitor)

    @cached_property
    def command(self) -> type[Any]:
        command: type[Any] = self._hints[1]
        return command

    @cached_property
    def result(self) -> Any:
        return self._hints[2]

    @property
    def takes_key(self) -> bool:
        """Whether a retry needs a key of the door's, and gets the first answer by it."""
        if self.way != "writes" or self.many is not None:
            return False
        return "client_id" not in getattr(self.command, "__struct_fields__", ())

    @property
    def summary(self) -> str:
        """The first line of the function's docstring, for the API document."""
        return (self.function.__doc__ or self.name).strip().splitlines()[0]


@overload
def action(function: Callable[P, Awaitable[R]], /) -> Action[P, R]: ...
@overload
def action(
    *,
    reads: bool = False,
    many: Callable[..., Awaitable[Sequence[Any]]] | None = None,
    needs_room: bool = True,
) -> Callable[[Callable[P, Awaitable[R]]], Action[P, R]]: ...
def action(
    function: Callable[P, Awaitable[R]] | None = None,
    /,
    *,
    reads: bool = False,
    many: Callable[..., Awaitable[Sequence[Any]]] | None = None,
    needs_room: bool = True,
) -> Any:
    """Mark `(tx, actor, command) -> result` as something a client may ask.

    `reads=True` runs it in a read-only snapshot; it may then emit nothing. `many` is its
    batched form, used whenever several callers ask at the same time. `needs_room=False` goes on
    while the disk is full: it stores next to nothing.
    """
    if function is not None:
        return Action(function, "writes")
    way: Way = "reads" if reads else "writes"
    return lambda marked: Action(marked, way, many, needs_room)


@overload
def flow(function: Callable[P, Awaitable[R]], /) -> Action[P, R]: ...
@overload
def flow(*, needs_room: bool = True) -> Callable[[Callable[P, Awaitable[R]]], Action[P, R]]: ...
def flow(function: Callable[P, Awaitable[R]] | None = None, /, *, needs_room: bool = True) -> Any:
    """Mark `(steps, actor, command) -> result`: several transactions with slow work between.

    Hashing a password takes a tenth of a second in a thread; no transaction waits for it.
    `needs_room` as for `action`.
    """
    if function is not None:
        return Action(function, "flow")
    return lambda marked: Action(marked, "flow", needs_room=needs_room)
