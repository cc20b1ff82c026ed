"""`python -m realtime.main`: one realtime process, everything in one nursery."""

from __future__ import annotations

import gc
import signal
import socket
import sys

import structlog
import trio

from realtime import asyncapi
from realtime.commands.surface import COMMANDS
from realtime.core import Core
from realtime.disconnects import GOING_AWAY
from realtime.door import Door
from realtime.listener import listen, raise_open_files_limit
from realtime.reactor import Reactor, SocketLimits
from storage.gate import Gate, open_gate
from storage.logs import configure_logs
from storage.process import tell_ready
from storage.settings import Settings, SettingsError

FAREWELL_SECONDS_MAX = 4.0

log = structlog.get_logger()


async def serve(
    gate: Gate,
    listener: socket.socket,
    *,
    limits: SocketLimits,
    task_status: trio.TaskStatus[Reactor] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve sockets on `listener` until cancelled; started with the reactor."""
    core = Core(gate, COMMANDS, ping_seconds=limits.ping_seconds)
    door = Door(core)
    settings = gate.settings
    reactor = Reactor(
        door,
        limits=limits,
        allowed_origins=settings.allowed_origins,
        address_port=settings.http_port if settings.is_everywhere else None,
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(core.run)
        nursery.start_soon(door.run)
        await nursery.start(reactor.serve, listener)
        task_status.started(reactor)


async def serve_for_ever(
    settings: Settings, *, task_status: trio.TaskStatus[Reactor] = trio.TASK_STATUS_IGNORED
) -> None:
    """As `settings` say. Waits for the database first, however long that takes."""
    async with open_gate(settings) as gate:
        listener = listen(settings.host, settings.ws_port, reuse_port=True)
        log.info("realtime_ready", port=settings.ws_port)
        await serve(gate, listener, limits=SocketLimits(), task_status=task_status)


async def main(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; then everybody is told to come back, elsewhere or later."""
    reactor: Reactor | None = None

    async def start() -> None:
        nonlocal reactor
        reactor = await nursery.start(serve_for_ever, settings)
        tell_ready()

    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(start)
            number = await anext(signals)
            log.info("realtime_ends", signal=number)
            if reactor is not None:
                reactor.close_all(GOING_AWAY)
                with trio.move_on_after(FAREWELL_SECONDS_MAX):
                    await reactor.wait_empty()
            nursery.cancel_scope.cancel()


def tune_garbage_collection() -> None:
    """Connections live long and make no cycles: look at the young rarely, at the old hardly."""
    gc.set_threshold(50_000, 20, 50)


if __name__ == "__main__":
    configure_logs("realtime")
    raise_open_files_limit()
    try:
        chosen = Settings.from_environment()
    except SettingsError as error:
        sys.exit(str(error))
    asyncapi.publish(chosen)
    tune_garbage_collection()
    try:
        trio.run(main, chosen)
    except Exception:
        log.exception("realtime_failed")
        sys.exit(1)
