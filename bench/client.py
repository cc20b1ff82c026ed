"""The Python SDK: one person's connection, kept for as long as the server wants it.

    async with connect("ws://127.0.0.1:8001/ws", token, origin="http://127.0.0.1:8000") as client:
        await client.request("send_message", {"to": ben, "text": "Hi", "clientId": str(uuid4())})
        async for push in client.events:
            ...

It is the twin of the web client's SDK: it drops what it already has by (topic, seq), comes back
with `have` after a fault, and sends again what was not answered, if a retry is safe (`clientId`).
"""

import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import trio
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection

from bench.arrivals import Arrivals, Push
from bench.link import (
    Disconnected,
    Stream,
    dial,
    keep_alive,
    say_goodbye,
    shake_hands,
    why,
    why_not,
)
from realtime.disconnects import BAD_TOKEN, may_come_back

__all__ = ["Client", "Disconnected", "Push", "RequestRefused", "connect"]

EVENTS_MAX: Final = 10_000
FIRST_PAUSE_SECONDS: Final = 0.25
PAUSE_SECONDS_MAX: Final = 30.0
SIGN_IN_SECONDS_MAX: Final = 15.0
CONNECT_ID: Final = 1

Token = str | Callable[[], Awaitable[str]]


class RequestRefused(Exception):
    """The server's answer is no; `retry` says whether the same request may succeed later."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        self.code: str = error["code"]
        self.subject: str = error["subject"]
        self.hint: str = error.get("hint", "")
        self.retry: bool = error["retry"]
        self.retry_after: float | None = error.get("retryAfter")
        super().__init__(f"{self.code} ({self.subject}): {self.hint}")


@dataclass(slots=True)
class _Request:
    event: str
    data: Mapping[str, Any]
    is_sent: bool = False
    answered: trio.Event = field(default_factory=trio.Event)
    answer: Mapping[str, Any] | Disconnected | None = None

    def settle(self, answer: Mapping[str, Any] | Disconnected) -> None:
        self.answer = answer
        self.answered.set()


class Client:
    """`events`: pushes, each lasting one once and in its topic's order. A full channel drops the
    newest push and counts it in `dropped_count`, so that nobody who only sends must read.
    `have`: the highest seq of each topic, to go on from in another process.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        have: Mapping[str, int],
        *,
        origin: str,
        events_max: int,
        chance: random.Random,
    ) -> None:
        self.signed_in: Mapping[str, Any] = {}
        """The data of the last `connected`: socketId, userId, sessionId, pingSeconds."""
        self.connected_count = 0
        self._url = url
        self._token = token
        self._origin = origin
        self._chance = chance
        self._arrivals = Arrivals(have, events_max)
        self.events: trio.MemoryReceiveChannel[Push] = self._arrivals.events
        self._requests: dict[int, _Request] = {}
        self._last_id = CONNECT_ID
        self._stream: Stream | None = None
        self._socket: WebSocketConnection | None = None
        self._end: Disconnected | None = None
        self._parted = trio.Event()
        self.attempt = 0

    @property
    def have(self) -> Mapping[str, int]:
        return self._arrivals.have

    @property
    def dropped_count(self) -> int:
        return self._arrivals.dropped_count

    async def wait_caught_up(self) -> None:
        """Until all that was missed before the present connection has come."""
        await self._arrivals.caught_up.wait()

    async def request(
        self, event: str, data: Mapping[str, Any], *, timeout_seconds: float = 30.0
    ) -> Any:
        """The reply's data. Waits for a connection, and with a `clientId` in `data` also for the
        next one. Raises RequestRefused, Disconnected, trio.TooSlowError."""
        if self._end is not None:
            raise self._end
        self._last_id += 1
        request_id, request = self._last_id, _Request(event, data)
        self._requests[request_id] = request
        try:
            with trio.fail_after(timeout_seconds):
                if self._socket is not None:
                    await self._send(self._socket, request_id, request)
                await request.answered.wait()
        finally:
            del self._requests[request_id]
        if isinstance(request.answer, Disconnected):
            raise request.answer
        assert request.answer is not None
        if not request.answer["success"]:
            raise RequestRefused(request.answer["error"])
        return request.answer["data"]

    async def stay_connected(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Started once it is signed in; raises Disconnected when that is refused."""
        try:
            while True:
                reason = await self._connection(task_status)
                self._forget_what_must_not_be_repeated(reason)
                if self._end is not None or not self._comes_back_after(reason):
                    self._end = reason
                    break
                self.attempt += 1
                await trio.sleep(self._chance.uniform(0, self._pause_seconds_max()))
            if not self.connected_count:
                raise reason
        finally:
            self._arrivals.close()
            self._end = self._end or Disconnected(1000, "")
            for request in self._requests.values():
                request.settle(self._end)

    async def say_goodbye(self) -> None:
        """The end of its own will: nothing can be asked any more."""
        if self._end is None:
            self._end = Disconnected(1000, "")
        if self._socket is not None:
            await say_goodbye(self._socket)
        self._parted.set()

    async def cut(self) -> None:
        """Lose the connection as a network would, without a goodbye. It comes back by itself."""
        if self._stream is not None:
            await trio.aclose_forcefully(self._stream)

    def _pause_seconds_max(self) -> float:
        """Grows with each failure; the pause is drawn below it, so that a crowd spreads out."""
        return min(PAUSE_SECONDS_MAX, FIRST_PAUSE_SECONDS * 2.0 ** min(self.attempt, 20))

    def _comes_back_after(self, reason: Disconnected) -> bool:
        if reason.code == BAD_TOKEN.code and isinstance(self._token, str):
            return False  # There is no other one.
        return may_come_back(reason.code)

    def _forget_what_must_not_be_repeated(self, reason: Disconnected) -> None:
        for request in self._requests.values():
            if request.is_sent and "clientId" not in request.data:
                request.settle(reason)

    async def _connection(self, task_status: trio.TaskStatus[None]) -> Disconnected:
        """One connection from its beginning to its end; returns why it ended."""
        self._arrivals.begin()
        try:
            with trio.fail_after(SIGN_IN_SECONDS_MAX):
                stream = self._stream = await dial(self._url)
            async with stream, trio.open_nursery() as nursery:
                with trio.fail_after(SIGN_IN_SECONDS_MAX):
                    socket = await shake_hands(nursery, stream, self._url, self._origin)
                try:
                    await self._converse(socket, nursery, task_status)
                    await say_goodbye(socket)
                except ConnectionClosed as closed:
                    if self._end is not None:
                        await self._parted.wait()  # The library reads the other's goodbye yet.
                    return why(closed.reason)
                except Disconnected as reason:
                    return reason
                except RequestRefused as refused:
                    return Disconnected(1013 if refused.retry else 1008, refused.code)
                finally:
                    self._socket = None
                    nursery.cancel_scope.cancel()
        except (OSError, HandshakeError, trio.TooSlowError) as error:
            return why_not(error)
        except BaseExceptionGroup as group:
            expected, others = group.split((OSError, HandshakeError, trio.TooSlowError))
            if expected is None or others is not None:
                raise
            return why_not(expected)
        return Disconnected(1006, "gap")

    async def _converse(
        self, socket: WebSocketConnection, nursery: trio.Nursery, task_status: trio.TaskStatus[None]
    ) -> None:
        """Until there is a gap in a topic, or, by ConnectionClosed, the end."""
        token = self._token if isinstance(self._token, str) else await self._token()
        sign_in = {"token": token, "have": dict(self._arrivals.have)}
        with trio.fail_after(SIGN_IN_SECONDS_MAX):
            await socket.send_message(_worded(CONNECT_ID, "connect", sign_in))
            answer = json.loads(await socket.get_message())
        if not answer["success"]:
            refused = RequestRefused(answer["error"])
            if refused.code == "unauthenticated":
                raise Disconnected(BAD_TOKEN.code, BAD_TOKEN.reason)  # As it closes right after.
            raise refused
        self.signed_in = answer["data"]
        nursery.start_soon(keep_alive, socket, float(self.signed_in["pingSeconds"]))
        waiting = list(self._requests.items())
        self._socket, self.attempt = socket, 0
        self.connected_count += 1
        if self.connected_count == 1:
            task_status.started()
        nursery.start_soon(self._send_waiting, socket, waiting)
        while True:
            message = json.loads(await socket.get_message())
            if "id" not in message:
                if not self._arrivals.take(message):
                    return
            elif request := self._requests.get(message["id"]):
                request.settle(message)

    async def _send_waiting(
        self, socket: WebSocketConnection, waiting: list[tuple[int, _Request]]
    ) -> None:
        for request_id, request in waiting:
            if not request.answered.is_set():
                await self._send(socket, request_id, request)

    async def _send(self, socket: WebSocketConnection, request_id: int, request: _Request) -> None:
        """Never raises for a lost connection: the next one goes on from there."""
        request.is_sent = True
        try:
            await socket.send_message(_worded(request_id, request.event, request.data))
        except ConnectionClosed:
            if self._socket is socket:
                self._socket = None


def _worded(request_id: int, event: str, data: Mapping[str, Any]) -> str:
    return json.dumps({"id": request_id, "event": event, "data": data})


@asynccontextmanager
async def connect(
    url: str,
    token: Token,
    have: Mapping[str, int] | None = None,
    *,
    origin: str | None = None,
    events_max: int = EVENTS_MAX,
    chance: random.Random | None = None,
) -> AsyncIterator[Client]:
    """Signed in when it is entered. Raises Disconnected when that is refused for good.

    `token`: an access token, or what gives a fresh one for each connection.
    `origin`: one that the server allows; by default the URL's own.
    """
    parts = urlsplit(url)
    scheme = "https" if parts.scheme == "wss" else "http"
    client = Client(
        url,
        token,
        have or {},
        origin=origin or f"{scheme}://{parts.netloc}",
        events_max=events_max,
        chance=chance or random.Random(),
    )
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(client.stay_connected)
            try:
                yield client
            finally:
                await client.say_goodbye()
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        # Whoever uses the client shall not notice that there is a nursery inside.
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise
