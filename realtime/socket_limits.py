"""What one client may cost: every cap of the socket server, in one place."""

import sys
from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """The defaults suit many small messages; `wide()` is for the echo server."""

    # What a client may send.
    frame_bytes_max: int = 256 * KIB
    """Payload of one data frame; above it, close 1009."""
    message_bytes_max: int = 256 * KIB
    """Payload of one message over all its fragments; above it, close 1009."""
    fragments_max: int = 256
    """Frames that one message may be cut into; above it, close 1008."""

    # What waits for a client that reads slowly.
    queue_bytes_max: int = MIB
    """Unsent bytes of one connection; above it, close 4001. One frame into an empty queue always
    fits. While replies would overflow it, the client is not read from."""
    queue_seconds_max: float = 20.0
    """Bytes that have waited between once and twice this long close the connection with 4001."""

    # Who is still there.
    ping_seconds: float = 20.0
    """A client unheard for this long is pinged, and reaped (4004) before twice this long."""
    close_seconds_max: float = 5.0
    """From our close frame, or our refusal, to the end of the TCP connection."""

    # Handshakes.
    handshake_seconds_max: float = 10.0
    """From accept to the end of the request's head; above it, 408."""
    handshake_bytes_max: int = 8 * KIB
    """Size of the request's head; above it, 431."""
    handshake_headers_max: int = 64
    """Header lines of the request; above it, 431."""
    handshakes_max: int = 4096
    """Half-done handshakes held; above it, the oldest is dropped."""
    connections_max: int = 50_000
    """Connections of this process, half-done handshakes included; above it, 503."""

    # How long one turn may be, so that one busy client does not starve the others.
    accepts_per_turn: int = 64
    events_per_turn: int = 128
    messages_per_turn: int = 32
    """Messages and control frames of one connection before the others have their turn."""
    sends_per_turn: int = 500
    read_bytes_max: int = 64 * KIB
    """Bytes read from one connection in one turn."""
    write_bytes_max: int = MIB
    """Bytes written to one connection in one turn; about, for a frame is never cut for it."""
    accept_pause_seconds: float = 0.5
    """No accepting for this long after the machine had no file descriptor left."""

    @classmethod
    def wide(cls) -> "SocketLimits":
        """Nothing that an honest benchmark or conformance suite would meet."""
        return cls(
            frame_bytes_max=64 * MIB,
            message_bytes_max=64 * MIB,
            fragments_max=sys.maxsize,
            queue_bytes_max=64 * MIB,
            queue_seconds_max=300.0,
            ping_seconds=3600.0,
            close_seconds_max=30.0,
            handshakes_max=50_000,
        )

    @property
    def sweep_seconds(self) -> float:
        """How often the sweeper looks: fine enough for the shortest of the waits."""
        shortest = min(
            self.ping_seconds,
            self.queue_seconds_max,
            self.close_seconds_max,
            self.handshake_seconds_max,
        )
        return min(1.0, shortest / 8, self.accept_pause_seconds)
