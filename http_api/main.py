"""The HTTP process: `python -m http_api.main`."""

from __future__ import annotations

import sys
from functools import partial

import structlog
import trio

from http_api.build import create_app
from http_api.processes import configured, until_signalled
from http_api.routes import ROUTES
from http_api.server import BACKLOG, serve
from http_api.sign_in import Sessions
from storage.domains import identity
from storage.gate import open_gate
from storage.settings import Settings

log = structlog.get_logger()


def main() -> int:
    settings = configured("http_api")
    if settings is None:
        return 2
    trio.run(run, settings)
    return 0


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with until_signalled() as ending:
        listeners = await trio.open_tcp_listeners(
            settings.http_port, host=settings.host, backlog=BACKLOG
        )
        async with open_gate(settings) as gate:
            sessions = Sessions(partial(identity.actor_of, gate.database, settings))
            with gate.bus.subscribe(sessions):
                app = create_app(gate, sessions, ROUTES, web_client=settings.web_client)
                log.info("serving", host=settings.host, port=settings.http_port)
                await serve(app, listeners, ending=ending)
    log.info("ended")


if __name__ == "__main__":
    sys.exit(main())
