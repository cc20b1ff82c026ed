"""The HTTP process: `python -m http_api.main`."""

from __future__ import annotations

import signal
import sys
from functools import partial

import structlog
import trio

from http_api.build import create_app
from http_api.logs import configure_logs
from http_api.routes import ROUTES
from http_api.server import BACKLOG, serve
from http_api.sign_in import Sessions
from storage.domains import identity
from storage.gate import open_gate
from storage.settings import Settings, SettingsError

END_SECONDS_MAX = 4.5
"""From the signal to the end, whatever hangs."""

log = structlog.get_logger()


def main() -> int:
    configure_logs("http_api")
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        log.error("settings_wrong", error=str(error))
        return 2
    trio.run(run, settings)
    return 0


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    ending = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_end_on_signal, ending, nursery.cancel_scope)
        listeners = await trio.open_tcp_listeners(
            settings.http_port, host=settings.host, backlog=BACKLOG
        )
        async with open_gate(settings) as gate:
            sessions = Sessions(partial(identity.actor_of, gate.database, settings))
            with gate.bus.subscribe(sessions):
                app = create_app(gate, sessions, ROUTES)
                log.info("serving", host=settings.host, port=settings.http_port)
                await serve(app, listeners, ending=ending)
        nursery.cancel_scope.cancel()
    log.info("ended")


async def _end_on_signal(
    ending: trio.Event,
    scope: trio.CancelScope,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            log.info("ending", signal=signal.Signals(number).name)
            ending.set()
            scope.deadline = min(scope.deadline, trio.current_time() + END_SECONDS_MAX)


if __name__ == "__main__":
    sys.exit(main())
