"""The jobs process: `python -m http_api.jobs`."""

from __future__ import annotations

import sys

import structlog
import trio

from http_api.jobs.handlers import HANDLERS
from http_api.jobs.worker import Worker
from http_api.processes import configured, until_signalled
from storage.gate import open_gate
from storage.settings import Settings

log = structlog.get_logger()


def main() -> int:
    settings = configured("jobs")
    if settings is None:
        return 2
    trio.run(run, settings)
    return 0


async def run(settings: Settings) -> None:
    """Run jobs until SIGTERM or SIGINT."""
    async with until_signalled() as ending, open_gate(settings) as gate:
        log.info("serving", handlers=[handler.kind for handler in HANDLERS])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Worker(gate, HANDLERS).run)
            await ending.wait()
            nursery.cancel_scope.cancel()
    log.info("ended")


if __name__ == "__main__":
    sys.exit(main())
