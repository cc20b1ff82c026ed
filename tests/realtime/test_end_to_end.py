"""The whole line over real sockets: reactor, door, gate, PostgreSQL, bus, and back."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url

from realtime.disconnects import GOING_AWAY
from realtime.main import serve
from realtime.reactor import Reactor, SocketLimits, listen
from storage import clock
from storage.actor import Actor
from storage.domains.identity.access_tokens import issue_access_token
from storage.gate import Gate
from storage.ids import new_id
from tests.world import World


class Socket:
    """A client as clients are: it reads what comes, in the order it comes."""

    def __init__(self, websocket: WebSocketConnection) -> None:
        self._websocket = websocket
        self._last_id = 0

    async def send(self, event: str, data: object) -> int:
        self._last_id += 1
        frame = {"id": self._last_id, "event": event, "data": data}
        await self._websocket.send_message(msgspec.json.encode(frame).decode())
        return self._last_id

    async def read(self) -> Any:
        with trio.fail_after(5):
            return msgspec.json.decode(await self._websocket.get_message())

    async def close_code(self) -> int:
        """Read to the end."""
        try:
            while True:
                await self.read()
        except ConnectionClosed as closed:
            # trio-websocket leaves the stream open when the server was the first to close.
            await self._websocket._stream.aclose()
            return closed.reason.code if closed.reason else 0


def token_of(gate: Gate, actor: Actor) -> str:
    return issue_access_token(
        gate.settings.secret,
        user_id=actor.user_id,
        session_id=actor.session_id,
        role=actor.role,
        now=clock.utc_now(),
    )


async def test_ana_writes_and_ben_reads_it_at_once(
    gate: Gate, world: World, nursery: trio.Nursery
) -> None:
    listener = listen("127.0.0.1", 0, reuse_port=True)
    url = f"ws://127.0.0.1:{listener.getsockname()[1]}/ws"
    origin = [(b"Origin", b"http://localhost:8000")]
    reactor: Reactor = await nursery.start(partial(serve, gate, listener, limits=SocketLimits()))
    async with (
        open_websocket_url(url, extra_headers=origin) as ana_socket,
        open_websocket_url(url, extra_headers=origin) as ben_socket,
    ):
        ana, ben = Socket(ana_socket), Socket(ben_socket)
        for socket, actor in ((ana, world.ana), (ben, world.ben)):
            await socket.send("connect", {"token": token_of(gate, actor), "have": {}})
            connected = await socket.read()
            assert connected["data"]["userId"] == str(actor.user_id)
            assert (await socket.read())["event"] == "caught_up"

        client_id = str(new_id())
        command = {"to": str(world.ben.user_id), "text": "Hello, Ben", "clientId": client_id}
        request_id = await ana.send("send_message", command)
        heard = [await ana.read() for _ in range(3)]
        reply = next(said for said in heard if said.get("id") == request_id)
        own = next(said for said in heard if said.get("event") == "new_message")
        assert reply["data"]["seq"] == 1
        assert own["data"]["clientId"] == client_id

        added, message = await ben.read(), await ben.read()
        assert added["event"] == "conversation_added"
        assert message["event"] == "new_message"
        assert message["topic"] == f"conversation:{reply['data']['conversationId']}"
        assert message["data"]["text"] == "Hello, Ben"
        assert message["data"]["clientId"] is None

        reactor.close_all(GOING_AWAY)
        for socket in (ana, ben):
            assert await socket.close_code() == 4000
        await reactor.wait_empty()
    nursery.cancel_scope.cancel()
