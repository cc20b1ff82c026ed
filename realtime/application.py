"""What stands on the two sides of a connection: the application it serves, the reactor it needs."""

from typing import TYPE_CHECKING, Protocol

import structlog

from realtime import handshake
from realtime.disconnects import INTERNAL_ERROR
from realtime.socket_limits import SocketLimits

if TYPE_CHECKING:
    from realtime.connection import Connection

log = structlog.get_logger()


class Application(Protocol):
    """What a reactor serves. All callbacks are synchronous and must be short."""

    def opened(self, connection: "Connection") -> None: ...

    def message(self, connection: "Connection", payload: bytes, opcode: int) -> None:
        """`opcode` is TEXT (then `payload` is valid UTF-8) or BINARY."""

    def closed(self, connection: "Connection") -> None:
        """Exactly once for each `opened`; never from inside push() or close()."""


class Guard:
    """An application whose faults end the connection that met them, and nothing else."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def opened(self, connection: "Connection") -> None:
        try:
            self._application.opened(connection)
        except Exception:
            log.exception("opened_failed", address=connection.address)
            connection.close(INTERNAL_ERROR)

    def message(self, connection: "Connection", payload: bytes, opcode: int) -> None:
        try:
            self._application.message(connection, payload, opcode)
        except Exception:
            log.exception("message_failed", address=connection.address)
            connection.close(INTERNAL_ERROR)

    def closed(self, connection: "Connection") -> None:
        try:
            self._application.closed(connection)
        except Exception:
            log.exception("closed_failed", address=connection.address)


class Host(Protocol):
    """What a connection needs of its reactor."""

    application: Application
    limits: SocketLimits
    now: float
    buffer: memoryview
    """Read into by one connection after another: an idle one has no buffer of its own."""

    def soon(self, connection: "Connection") -> None:
        """Settle it before this tick is over: send its queue, tell the application of its end."""

    def resume(self, connection: "Connection") -> None:
        """Let it work on what it has read already."""

    def watch(self, connection: "Connection", events: int) -> None: ...

    def shaken(self, connection: "Connection") -> None:
        """Its handshake is done, one way or the other."""

    def ending(self, connection: "Connection") -> None:
        """Reap it in `close_seconds_max` if it is not gone by then."""

    def gone(self, connection: "Connection") -> None: ...

    def answer(self, head: bytes) -> handshake.Accepted | handshake.Refused: ...
