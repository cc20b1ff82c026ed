"""The real program with one bug planted in its parts: the controls of the crash tests.

    python -m tests.crash.planted up ack_before_commit

is `./loopync up` whose parts run behind this module, which spoils one thing and becomes the part.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import trio

from ops.parts import Part, parts
from ops.report import said_to_person
from ops.supervise import up
from realtime.socket_limits import SocketLimits
from storage import journal
from storage.database import Transaction
from storage.domains.messaging import marks, send
from storage.gate import Gate
from storage.settings import Settings

COMMIT_LATE_SECONDS = 0.4
PING_SECONDS = 3.0
"""Who answers has as long again: enough on a machine that is busy with the rest."""


def ack_before_commit() -> None:
    """Every batch answers as soon as its work is done, and commits a moment later."""

    async def transact(gate: Gate, work: Callable[[Transaction], Awaitable[Any]]) -> Any:
        done = trio.Event()
        results: list[Any] = []

        async def commit_late() -> None:
            try:
                async with gate.database.transaction() as tx:
                    results.append(await work(tx))
                    entries = await journal.write(tx)
                    done.set()
                    await trio.sleep(COMMIT_LATE_SECONDS)
                gate.bus.publish_many(entries)
            except Exception as error:
                results.append(error)
                done.set()

        gate._batches.start_soon(commit_late)
        await done.wait()
        if isinstance(results[0], Exception):
            raise results[0]
        return results[0]

    Gate.transact = transact  # type: ignore[method-assign, assignment]


def no_dedupe() -> None:
    """Nobody looks whether a message was stored before. The test drops the unique index too."""
    found = "messages.client_id = asked.client_id"
    assert found in send.FIND_FACTS
    send.FIND_FACTS = send.FIND_FACTS.replace(found, f"{found} AND false")


def marks_go_back() -> None:
    """A mark is what was asked last, and not the furthest."""
    marks.max = lambda _, asked: asked  # type: ignore[attr-defined]


def quick_pings() -> None:
    """No bug: a client is pinged after PING_SECONDS, so that a test need not wait for forty."""
    _set_default("ping_seconds", PING_SECONDS)


def no_pings() -> None:
    """Nobody is ever asked whether they are still there."""
    _set_default("ping_seconds", 100_000.0)


def _set_default(name: str, value: float) -> None:
    defaults = SocketLimits.__init__.__kwdefaults__
    assert defaults is not None
    assert name in defaults
    defaults[name] = value


PLANTED = {
    spoil.__name__: spoil
    for spoil in (ack_before_commit, no_dedupe, marks_go_back, quick_pings, no_pings)
}


def main(arguments: Sequence[str]) -> None:
    what, bug, *rest = arguments
    if what == "up":
        settings = Settings.from_environment()
        spoiled = [_spoiled(part, bug) for part in parts(settings)]
        trio.run(partial(up, settings, spoiled, demo=None))
    else:
        [module] = rest
        PLANTED[bug]()
        sys.argv[:] = [module]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def _spoiled(part: Part, bug: str) -> Part:
    python, _, module = part.command
    return replace(part, command=(python, "-m", "tests.crash.planted", "part", bug, module))


if __name__ == "__main__":
    with said_to_person():
        main(sys.argv[1:])
