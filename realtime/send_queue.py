"""What one client has not yet taken: joined when it leaves, compact while it must wait."""

import socket

JOIN_BYTES = 64 * 1024
SMALL_BYTES = 4 * 1024


class SendQueue:
    """Exists only while there is something to send.

    `is_blocked`: the socket has taken less than it was given; only its word makes it go on.
    `aged_at`: all that was queued by then is what is being waited for now.
    """

    __slots__ = ("_aged_bytes", "_parts", "aged_at", "is_blocked", "size_bytes")

    def __init__(self, data: bytes) -> None:
        self._parts: list[bytes | bytearray | memoryview] = [data]
        self._aged_bytes = 0
        self.size_bytes = len(data)
        self.is_blocked = False
        self.aged_at = 0.0

    @property
    def is_single(self) -> bool:
        return len(self._parts) == 1

    def append(self, data: bytes) -> None:
        self.size_bytes += len(data)
        if self.is_blocked and len(data) < SMALL_BYTES:
            # A million tiny frames must not cost a million objects: bytes are what is counted.
            last = self._parts[-1]
            if type(last) is bytearray and len(last) < JOIN_BYTES:
                last += data
            else:
                self._parts.append(bytearray(data))
        else:
            self._parts.append(data)

    def keep_only_begun(self) -> None:
        """Forget all but the part whose first bytes may have left already."""
        del self._parts[1:]
        self.size_bytes = len(self._parts[0])

    def send(self, client: socket.socket, bytes_max: int, now: float) -> bool:
        """Whether all of it has left. Raises OSError when the connection is broken."""
        parts = self._parts
        sent_bytes = 0
        while parts:
            count, chunk = (1, parts[0]) if len(parts) == 1 else self._joined()
            try:
                sent = client.send(chunk)
            except BlockingIOError:
                sent = 0
            sent_bytes += sent
            if sent < len(chunk):
                # The remainder goes first: as a view, for copying it each time would be quadratic.
                # What has a view cannot grow, and being a view it is not appended to.
                parts[:count] = [memoryview(chunk)[sent:]]
                break
            del parts[:count]
            if sent_bytes >= bytes_max:
                break
        if not parts:
            return True
        self.size_bytes -= sent_bytes
        self._aged_bytes -= sent_bytes
        if not self.is_blocked or self._aged_bytes <= 0:
            self.is_blocked = True
            self._aged_bytes, self.aged_at = self.size_bytes, now
        return False

    def _joined(self) -> tuple[int, bytes | bytearray | memoryview]:
        """The first parts as one chunk of about JOIN_BYTES, and how many they are."""
        count = size_bytes = 0
        for part in self._parts:
            if count and size_bytes + len(part) > JOIN_BYTES:
                break
            size_bytes += len(part)
            count += 1
        return (1, self._parts[0]) if count == 1 else (count, b"".join(self._parts[:count]))
