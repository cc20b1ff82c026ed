"""The socket that clients call, and how many of them this process may hold."""

import resource
import socket

BACKLOG_CONNECTIONS = 4096


def listen(host: str, port: int, *, reuse_port: bool) -> socket.socket:
    """A non-blocking TCP listener; port 0 takes any free one. Raises OSError.

    `reuse_port`: several processes share the port, and the kernel deals the calls out.
    """
    family, kind, protocol, _name, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(BACKLOG_CONNECTIONS)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def raise_open_files_limit() -> int:
    """Lets this process open as many files as it is allowed to; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
