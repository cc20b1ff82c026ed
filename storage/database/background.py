"""A task beside a block."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def beside(run: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run `run` until the block ends. What either raises ends both, and comes out as it is: a
    nursery would wrap it in a group, and callers could not catch it by its type.
    """
    problem: BaseException | None = None
    async with trio.open_nursery() as nursery:

        async def guarded() -> None:
            nonlocal problem
            try:
                await run()
            except Exception as raised:
                problem = raised
                nursery.cancel_scope.cancel()

        nursery.start_soon(guarded)
        try:
            yield
        except trio.Cancelled:
            raise
        except BaseException as raised:
            problem = problem or raised
        nursery.cancel_scope.cancel()
    if problem is not None:
        raise problem
