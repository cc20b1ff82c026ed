"""The database hangs up on everybody: sockets stay, and nothing is lost."""

from __future__ import annotations

import trio

from storage.database import open_database
from storage.domains import messaging
from storage.domains.messaging import SendMessage
from storage.gate import Gate, open_gate
from storage.ids import new_id
from storage.settings import Settings
from tests.realtime.conftest import Process
from tests.world import World

HANG_UP = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


async def test_sockets_survive_and_everybody_hears_what_was_written_meanwhile(
    process: Process, gate: Gate, settings: Settings, world: World
) -> None:
    assert settings.database_url is not None
    ana, ben = await process.connect(world.ana), await process.connect(world.ben)
    async with (
        open_database(settings.database_url, connections_max=1) as database,
        database.transaction() as tx,
    ):
        await tx.run(HANG_UP)
    sent = []
    with trio.fail_after(20):
        for number in range(20):
            client_id = str(new_id())
            command = {"to": str(world.ben.user_id), "text": f"{number}", "clientId": client_id}
            while True:
                answer = await ana.ask("send_message", command)
                if "code" not in answer:
                    break
                assert answer["code"] == "unavailable"
                assert answer["retry"] is True
                await trio.sleep(0.1)
            sent.append(f"{number}")
        await ben.push("new_message", text="19")
    assert [push["data"]["text"] for push in ben.pushes("new_message")] == sent
    assert ana.connection.open
    assert ben.connection.open


async def test_what_another_process_wrote_while_the_bus_was_cut_arrives(
    process: Process, settings: Settings, world: World
) -> None:
    """The other's bus says nothing at all: only the comparison of tips can find it."""
    ben = await process.connect(world.ben)
    async with open_gate(settings) as elsewhere:
        elsewhere.bus.publish_many = lambda entries: None  # type: ignore[method-assign]
        command = SendMessage(to=world.ben.user_id, text="unheard", client_id=new_id())
        await elsewhere.perform(messaging.send_message, world.ana, command)
        await ben.push("new_message", text="unheard")
