"""`./loopync up` with stand-ins for the parts: a listener, and one that does what it is told."""

import socket
import sys
import time

import trio

from ops.parts import Part, until
from ops.report import said_to_person
from ops.supervise import up
from storage.settings import Settings


async def _listening(port: int) -> bool:
    try:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
    except OSError:
        return False
    await stream.aclose()
    return True


async def _at_once() -> None:
    pass


def _become(name: str, argument: str) -> None:
    if name == "door":
        listener = socket.create_server(("127.0.0.1", int(argument)))
        while True:
            listener.accept()[0].close()
    sys.stderr.write("cannot find my keys\n")
    time.sleep(600 if argument == "stays" else 0)
    sys.exit(3)


async def _up(worker: str) -> None:
    settings = Settings.from_environment()

    async def door_ready() -> None:
        await until(lambda: _listening(settings.ws_port))

    this = (sys.executable, "-m", "tests.ops.stand_ins")
    ready = _at_once if worker == "stays" else trio.sleep_forever
    parts = [
        Part("door", (*this, "door", str(settings.ws_port)), door_ready),
        Part("worker", (*this, "worker", worker), ready),
    ]
    await up(settings, parts, demo=None)


if __name__ == "__main__":
    if sys.argv[1] == "up":
        with said_to_person():
            trio.run(_up, sys.argv[2])
    else:
        _become(sys.argv[1], sys.argv[2])
