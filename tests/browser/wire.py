"""A wire between a window and the server's socket that can go dead without a word."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType

CHUNK = 65_536


class Wire:
    """Forwards TCP. After `die` what was connected hears nothing more, not even an end; what
    connects later is served: as behind a router that forgot its table."""

    def __init__(self, to_port: int) -> None:
        self._to = ("127.0.0.1", to_port)
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._dead: threading.Event = threading.Event()
        self._ends: list[socket.socket] = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def die(self) -> None:
        self._dead.set()
        self._dead = threading.Event()

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._door.close()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                window, _ = self._door.accept()
                server = socket.create_connection(self._to)
                self._ends += [window, server]
                self.connections += 1
                for pair in ((window, server), (server, window)):
                    threading.Thread(target=_forward, args=(*pair, self._dead), daemon=True).start()


def _forward(source: socket.socket, target: socket.socket, dead: threading.Event) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK):
            if not dead.is_set():
                target.sendall(data)
        if not dead.is_set():
            target.shutdown(socket.SHUT_WR)
