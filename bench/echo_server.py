"""The product's own socket server under an application that sends every message back."""

import argparse
import logging
import signal
import sys
from dataclasses import fields, replace

import structlog
import trio

from realtime.connection import Connection
from realtime.disconnects import GOING_AWAY
from realtime.frames import frame
from realtime.listener import listen, raise_open_files_limit
from realtime.reactor import Reactor
from realtime.socket_limits import SocketLimits

GOODBYE_SECONDS_MAX = 4.0
LIMITS = [field.name for field in fields(SocketLimits)]


class Echo:
    def opened(self, connection: Connection) -> None:
        """Nobody signs in here."""

    def message(self, connection: Connection, payload: bytes, opcode: int) -> None:
        connection.push(frame(payload, opcode))

    def closed(self, connection: Connection) -> None:
        """Nothing was kept for it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument(
        "--reuse-port", action="store_true", help="several echo servers share the port"
    )
    parser.add_argument("--verbose", action="store_true", help="log faults and refusals")
    wide = SocketLimits.wide()
    group = parser.add_argument_group("limits (see realtime/socket_limits.py; wide by default)")
    for name in LIMITS:
        default = getattr(wide, name)
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=_positive_int if isinstance(default, int) else _positive_float,
            default=default,
            metavar="N",
        )


def _positive_int(text: str) -> int:
    value = int(text)
    if value <= 0:
        raise ValueError(text)
    return value


def _positive_float(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value


def main(options: argparse.Namespace) -> None:
    """Serves until SIGINT or SIGTERM."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.INFO if options.verbose else logging.WARNING
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    limits = replace(SocketLimits.wide(), **{name: getattr(options, name) for name in LIMITS})
    raise_open_files_limit()
    trio.run(_serve, options, limits)


async def _serve(options: argparse.Namespace, limits: SocketLimits) -> None:
    listener = listen(options.host, options.port, reuse_port=options.reuse_port)
    host, port = listener.getsockname()[:2]
    reactor = Reactor(Echo(), limits=limits, allowed_origins=None, paths=None)
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            await nursery.start(reactor.serve, listener)
            print(f"echo server on ws://{host}:{port}", flush=True)
            async for _signal in signals:
                break
            reactor.close_all(GOING_AWAY)
            with trio.move_on_after(GOODBYE_SECONDS_MAX):
                await reactor.wait_empty()
            nursery.cancel_scope.cancel()
