"""One task for all that ends by the clock: silence, and what takes too long."""

from itertools import takewhile
from typing import TYPE_CHECKING

import trio

from realtime import handshake
from realtime.disconnects import IDLE

if TYPE_CHECKING:
    from realtime.connection import Connection
    from realtime.reactor import Reactor

CONNECTIONS_PER_TURN = 1000


async def sweep(reactor: "Reactor") -> None:
    limits = reactor.limits
    due = trio.current_time()
    while True:
        due += limits.sweep_seconds
        await trio.sleep_until(due)
        reactor.now = trio.current_time()
        if reactor.now - due > limits.ping_seconds / 4:
            # This process itself stood still: it cannot know who was silent.
            due = reactor.now
            for connection in reactor.connections.values():
                connection.heard_at = reactor.now
        reactor.accept_again()
        _end_the_overdue(reactor)
        await _ping_the_silent(reactor)


def _end_the_overdue(reactor: "Reactor") -> None:
    limits, now = reactor.limits, reactor.now
    for connection in _older(reactor.handshaking, now - limits.handshake_seconds_max):
        connection.refuse(handshake.TOO_SLOW)
    for connection in _older(reactor.endings, now - limits.close_seconds_max):
        connection.abandon()
    for connection in list(reactor.waiting):
        connection.drop_if_waiting_since(now - limits.queue_seconds_max)


async def _ping_the_silent(reactor: "Reactor") -> None:
    """A sweep early, so that the dead are gone within two intervals of their last sign of life."""
    limits = reactor.limits
    for index, connection in enumerate(list(reactor.connections.values())):
        if index % CONNECTIONS_PER_TURN == CONNECTIONS_PER_TURN - 1:
            await trio.lowlevel.checkpoint()
        silent_seconds = reactor.now + limits.sweep_seconds - connection.heard_at
        if not connection.open or silent_seconds < limits.ping_seconds:
            continue
        if connection.pinged_at <= connection.heard_at:
            connection.ping()
        elif silent_seconds >= 2 * limits.ping_seconds:
            # Nobody is there to answer the goodbye, so nothing waits for it.
            connection.close(IDLE)
            connection.settle()
            connection.abandon()


def _older(since: dict["Connection", float], than: float) -> list["Connection"]:
    """`since` is in order of its times: the first that is young enough ends the search."""
    return [connection for connection, at in takewhile(lambda item: item[1] < than, since.items())]
