from __future__ import annotations

import os
import sys

import msgspec

from bench.load.generator import Generator, GeneratorError
from bench.load.orders import Cast, Ready, Step
from bench.load.websocket import WebSocketFault
from realtime.listener import raise_open_files_limit


def say(report: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    raise_open_files_limit()
    # Unbuffered, so that epoll knows of all that is still to be read.
    with os.fdopen(os.dup(0), "rb", buffering=0) as orders:
        cast = msgspec.json.decode(orders.readline(), type=Cast)
        generator = Generator(cast)
        try:
            generator.connect()
            say(Ready(connections=len(cast.people)))
            while True:
                generator.wait_for(orders.fileno())
                line = orders.readline()
                if not line:
                    break
                say(generator.perform(msgspec.json.decode(line, type=Step)))
        finally:
            generator.close()


if __name__ == "__main__":
    try:
        main()
    except (GeneratorError, WebSocketFault, OSError) as error:
        sys.exit(f"the load generator stopped: {error}")
