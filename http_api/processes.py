"""What the processes of this part have in common: how they begin, and how they end."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
import trio

from storage.logs import configure_logs
from storage.settings import Settings, SettingsError

END_SECONDS_MAX = 4.5
"""From the signal to the end, whatever hangs."""

log = structlog.get_logger()


def configured(part: str) -> Settings | None:
    """The settings, once logs are set up; None when they are wrong, which has been said."""
    configure_logs(part)
    try:
        return Settings.from_environment()
    except SettingsError as error:
        log.error("settings_wrong", error=str(error))
        return None


@asynccontextmanager
async def until_signalled() -> AsyncIterator[trio.Event]:
    """The event is set by SIGTERM or SIGINT; END_SECONDS_MAX later the block is cancelled."""
    ending = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_watch, ending, nursery.cancel_scope)
        yield ending
        nursery.cancel_scope.cancel()


async def _watch(
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
