"""./loopync: makes what a command needs, and becomes that command."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from ops import places, setup, web_build
from ops.say import Stop
from storage.settings import Settings, SettingsError

HELP = """\
./loopync up                    start everything, and say where it is
./loopync test [pytest …]       check everything, or what the arguments of pytest choose
./loopync bench message         measure sending and delivery beside python-socketio (… --help)
./loopync bench echo-server     the bare WebSocket core, for others' suites (… --help)
./loopync admin create-admin    make an administrator (./loopync admin --help)
./loopync admin make-accounts N make accounts with tokens, to put load on a test instance
./loopync admin verify          recount what is stored, and name the first difference

Settings are environment variables:
  LOOPYNC_HOST=127.0.0.1          where to listen
  LOOPYNC_HTTP_PORT=8000          pages and HTTP API
  LOOPYNC_WS_PORT=8001            WebSocket
  LOOPYNC_MEDIA_PORT=8002         sound and pictures (UDP)
  LOOPYNC_PUBLIC_URL              what browsers see, e.g. https://chat.example
  LOOPYNC_DATA=data               the folder of all that is kept
  LOOPYNC_SECRET                  what tokens are signed with; else one is made in the data folder
  LOOPYNC_REALTIME_PROCESSES=1    how many processes share the sockets
  LOOPYNC_CORS_ORIGINS            other sites whose pages may use the API by token
  LOOPYNC_DATABASE_DRIVER=trio    asyncio: plain asyncpg instead, several times slower
  LOOPYNC_LIMITS=1                multiplies every rate limit
  LOOPYNC_DEMO                    0: no demo accounts; they exist only on a loopback address
  DATABASE_URL                    a PostgreSQL 15 or newer; else one is brought along
"""


def main(arguments: list[str]) -> None:
    command, *rest = arguments or ["help"]
    if command in ("help", "--help", "-h"):
        print(HELP, end="")
        return
    if command not in ("up", "test", "bench", "admin"):
        raise Stop(f"There is no ./loopync {command}. See ./loopync --help.")
    if command == "up":
        if rest:
            raise Stop("./loopync up takes no arguments; settings are environment variables.")
        # What is wrong is said before anything is installed.
        Settings.from_environment()
        _become("ops.supervise", rest, web=True)
    elif command == "test":
        _become("ops.checks", rest, "dev", "bench", web=True)
    elif command == "bench":
        # Others' suites start the echo server, which is compared with nothing.
        _become("bench", rest, *(() if rest[:1] == ["echo-server"] else ("bench",)))
    else:
        Settings.from_environment()
        _become("ops.admin", rest)


def _become(module: str, arguments: list[str], *extras: str, web: bool = False) -> None:
    # A clock that all processes of this machine share.
    os.environ["LOOPYNC_BEGAN"] = str(time.monotonic())
    setup.make_environment()
    with ThreadPoolExecutor() as pool:
        # Side by side: both wait for the network most of the time.
        built = pool.submit(web_build.build) if web else None
        setup.install(*extras)
        if built is not None:
            built.result()
    python = str(places.venv_python())
    os.execv(python, [python, "-m", module, *arguments])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Stop, SettingsError) as stop:
        print(f"loopync: {stop}", file=sys.stderr)
        sys.exit(stop.code if isinstance(stop, Stop) else 2)
    except KeyboardInterrupt:
        sys.exit(130)
