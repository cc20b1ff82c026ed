"""A future for asyncpg, whose waiting moves the socket's bytes itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any, Protocol


class AnswersAwaited(Protocol):
    async def answer_to(self, future: Future) -> None:
        """Returns when the future is done."""
        ...


class Future:
    """As much of asyncio's future as asyncpg touches; awaiting it pumps the socket."""

    __slots__ = ("_answer", "_callbacks", "_cancelled", "_loop", "_problem", "finished")

    def __init__(self, loop: AnswersAwaited) -> None:
        self._loop = loop
        self._answer: Any = None
        self._problem: BaseException | None = None
        self._callbacks: list[Callable[[Future], object]] = []
        self._cancelled = False
        self.finished = False

    def done(self) -> bool:
        return self.finished

    def cancelled(self) -> bool:
        return self._cancelled

    def exception(self) -> BaseException | None:
        return self._problem

    def result(self) -> Any:
        if self._problem is not None:
            raise self._problem
        return self._answer

    def set_result(self, answer: Any) -> None:
        self._answer = answer
        self._finish()

    def set_exception(self, problem: BaseException) -> None:
        self._problem = problem
        self._finish()

    def cancel(self) -> bool:
        if self.finished:
            return False
        self._cancelled = True
        self._problem = asyncio.CancelledError()
        self._finish()
        return True

    def add_done_callback(self, callback: Callable[[Future], object]) -> None:
        self._callbacks.append(callback)

    def _finish(self) -> None:
        self.finished = True
        for callback in self._callbacks:
            callback(self)

    def __await__(self) -> Generator[Any, Any, Any]:
        if not self.finished:
            yield from self._loop.answer_to(self).__await__()
        return self.result()
