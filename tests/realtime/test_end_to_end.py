"""The whole line over real sockets: reactor, door, gate, PostgreSQL, bus, and back."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import trio

from realtime.disconnects import GOING_AWAY
from realtime.main import serve
from realtime.reactor import Reactor, SocketLimits, listen
from storage.gate import Gate
from storage.ids import new_id
from tests.realtime.sockets import free_port, open_socket, started, wait_ready
from tests.world import World, make_friends


async def test_ana_writes_and_ben_reads_it_at_once(
    gate: Gate, world: World, nursery: trio.Nursery
) -> None:
    listener = listen("127.0.0.1", 0, reuse_port=True)
    port = listener.getsockname()[1]
    reactor: Reactor = await nursery.start(partial(serve, gate, listener, limits=SocketLimits()))
    async with open_socket(port) as ana, open_socket(port) as ben:
        for socket, actor in ((ana, world.ana), (ben, world.ben)):
            connected = await socket.connect(actor)
            assert connected["userId"] == str(actor.user_id)

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


@pytest.mark.fault
async def test_ana_sees_ben_offline_within_ten_seconds_of_the_kill_of_his_process(
    gate: Gate, database_url: str, world: World, tmp_path: Path
) -> None:
    async with gate.database.transaction() as tx:
        await make_friends(tx, world.ana, world.ben)
    ports = [free_port(), free_port()]
    with (
        started(tmp_path, DATABASE_URL=database_url, LOOPYNC_WS_PORT=str(ports[0])) as here,
        started(tmp_path, DATABASE_URL=database_url, LOOPYNC_WS_PORT=str(ports[1])) as there,
    ):
        for process in (here, there):
            await trio.to_thread.run_sync(wait_ready, process)
        async with open_socket(ports[0]) as ana, open_socket(ports[1]) as ben:
            await ana.connect(world.ana)
            await ana.send("watch_presence", {"userIds": [str(world.ben.user_id)]})
            assert (await ana.read())["data"]["presence"][0]["state"] == "offline"
            await ben.connect(world.ben)
            assert (await ana.read())["data"]["state"] == "online"
            there.kill()
            told = await ana.read(patience_seconds=10)
            assert told["event"] == "presence"
            assert told["data"]["state"] == "offline"
            await ben.close_code()
