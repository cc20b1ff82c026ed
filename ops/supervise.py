"""`./loopync up`: PostgreSQL, the schema, the demo, the parts; and all of it ended together.

A Ctrl-C at the terminal comes to this process alone (see crew.py), and it ends the others in
order, PostgreSQL last. They also die with it, so nothing is left running however it ends.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from ops.crew import Crew, ended, how_it_ended, pauses
from ops.parts import Part, claim_ports, environment, parts, python, reachable
from ops.report import leaves, said_to_person
from ops.say import Stop, say
from storage.database import DatabaseUnavailable, open_database
from storage.embedded import EmbeddedError, EmbeddedPostgres
from storage.migrate import migrate
from storage.settings import Settings, is_loopback

READY_SECONDS_MAX = 60.0
DATABASE_SECONDS_MAX = 30.0
DATABASE_PAUSE_SECONDS = 0.5
POLL_SECONDS = 0.05
DEMO_LOGIN = "Sign in as ana, password loopync-demo-2026 (ben and chloe have the same), or sign up."


async def up(settings: Settings, running: Sequence[Part], *, demo: Sequence[str] | None) -> None:
    """Returns when SIGINT, SIGTERM or SIGHUP has ended everything. Raises Stop."""
    async with trio.open_nursery() as nursery:
        scope = trio.CancelScope()
        await nursery.start(_cancel_on_signal, scope)
        with scope:
            await _run(settings, running, demo)
        say("Everything has ended.")
        nursery.cancel_scope.cancel()


async def _run(settings: Settings, running: Sequence[Part], demo: Sequence[str] | None) -> None:
    began = float(os.environ.get("LOOPYNC_BEGAN") or time.monotonic())  # See ops/__main__.py.
    crew = Crew(settings.data / "logs")
    async with _database(settings, crew) as url, trio.open_nursery() as nursery:
        await _migrate(url, settings.database_driver)
        told = environment(settings, url)
        say(f"Starting {', '.join(part.name for part in running)} …")
        try:
            nursery.start_soon(crew.logs.keep_short)
            for part in running:
                crew.keep(part, told, nursery)
            if demo is not None:
                await crew.once("demo", demo, told)
            await crew.all_ready(READY_SECONDS_MAX)
            say(f"\nLoopync runs at {address(settings)} (ready after {_since(began)} s)")
            if demo is not None:
                say(DEMO_LOGIN)
            say(f"Logs are in {crew.logs.folder}. Ctrl-C ends everything.\n")
            await trio.sleep_forever()
        finally:
            say("Ending …")
            await crew.end_all()


def address(settings: Settings) -> str:
    """Where a person goes: what the world sees, else what works on this machine."""
    if settings.public_url is not None:
        return settings.public_url
    host = reachable(settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.http_port}"


@asynccontextmanager
async def _database(settings: Settings, crew: Crew) -> AsyncIterator[str]:
    """The URL of the database: the one that is set, else of a server kept running here."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    say("Starting PostgreSQL …")
    server = EmbeddedPostgres(settings.data)
    try:
        server.start()
        crew.join(server.process)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_keep_database, server, crew)
            yield server.url
            nursery.cancel_scope.cancel()
    finally:
        server.stop()


async def _keep_database(server: EmbeddedPostgres, crew: Crew) -> None:
    for pause_seconds in pauses():
        code = await ended(server.process)
        say(f"PostgreSQL {how_it_ended(code)}. Starting it again. ({server.log})")
        await trio.sleep(pause_seconds)
        try:
            server.spawn(group=crew.group)
            crew.join(server.process)
            # Without a limit: it replays its log, and one that were ended for being slow would
            # begin that again. When it ends by itself, `ready` raises.
            while not server.ready():  # noqa: ASYNC110  # only PostgreSQL's own file tells
                await trio.sleep(POLL_SECONDS)
        except (EmbeddedError, OSError) as error:
            say(f"PostgreSQL cannot be started: {error}")
        else:
            say("PostgreSQL is ready again.")


async def _migrate(url: str, driver: str) -> None:
    """Also waits for a database of others that is just starting."""
    last: BaseException | None = None
    with trio.move_on_after(DATABASE_SECONDS_MAX):
        while True:
            try:
                async with open_database(url, driver=driver, connections_max=2) as database:
                    applied = await migrate(database)
            except* DatabaseUnavailable as errors:
                if last is None:
                    say("The database does not answer yet …")
                last = next(leaves(errors))
            else:
                if applied:
                    say(f"Brought the database up to date ({len(applied)} migrations).")
                return
            await trio.sleep(DATABASE_PAUSE_SECONDS)
    raise Stop(f"DATABASE_URL leads to no database that answers: {last}", code=1)


async def _cancel_on_signal(
    scope: trio.CancelScope, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f}"


def main() -> None:
    settings = Settings.from_environment()
    claims = claim_ports(settings)
    # Each connection is an open file, and the soft limit is often 1,024.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if not is_loopback(settings.host) and settings.public_url is None:
        say(f"Note: {settings.host} is reachable by others, and nothing here encrypts.")
    if settings.is_everywhere:
        say(f"From elsewhere it is http://<an address of this machine>:{settings.http_port}")
    try:
        trio.run(_up_as_set, settings)
    finally:
        for claim in claims:
            claim.close()


async def _up_as_set(settings: Settings) -> None:
    demo = python("ops.demo") if settings.demo else None
    await up(settings, parts(settings), demo=demo)


if __name__ == "__main__":
    with said_to_person():
        main()
    sys.exit(0)
