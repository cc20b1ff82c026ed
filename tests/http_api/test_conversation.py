"""Ana and Ben talk over HTTP alone, from the first search to the last read mark."""

from pathlib import Path
from typing import Any

import httpx

from http_api.routes import ROUTES
from storage.gate import Gate
from storage.ids import new_id
from tests.http_api.conftest import app_over, client_of
from tests.world import World


async def ask(client: httpx.AsyncClient, method: str, path: str, **sent: Any) -> Any:
    response = await client.request(method, f"/api/v1{path}", **sent)
    answer = response.json()
    assert answer["success"], answer
    return answer["data"]


async def test_ana_and_ben_talk(gate: Gate, web_client: Path, world: World) -> None:
    app = app_over(gate, web_client, ROUTES)
    async with (
        client_of(app, gate.settings, world.ana) as ana,
        client_of(app, gate.settings, world.ben) as ben,
    ):
        [found] = (await ask(ana, "GET", "/users?query=@be"))["users"]
        assert found["id"] == str(world.ben.user_id)

        words = {"to": found["id"], "text": "Good morning", "clientId": str(new_id())}
        sent = await ask(ana, "POST", "/messages", json=words)
        assert await ask(ana, "POST", "/messages", json=words) == sent
        conversation = f"/conversations/{sent['conversationId']}"

        [listed] = (await ask(ben, "GET", "/conversations?limit=5"))["conversations"]
        assert (listed["id"], listed["unreadCount"]) == (sent["conversationId"], 1)
        [message] = (await ask(ben, "GET", f"{conversation}/messages"))["messages"]
        assert (message["text"], message["clientId"]) == ("Good morning", None)

        await ask(ben, "POST", f"{conversation}/typing")
        read = await ask(ben, "PUT", f"{conversation}/read", json={"seq": message["seq"]})
        assert read == {"readSeq": message["seq"], "unreadCount": 0}

        await ask(ben, "PUT", "/presence", json={"state": "online"})
        people = f"{world.ben.user_id},{world.eve.user_id}"
        seen = (await ask(ana, "GET", f"/presence?userIds={people}"))["presence"]
        assert [one["userId"] for one in seen] == people.split(",")


async def test_nothing_but_signing_in_is_open_to_strangers(gate: Gate, web_client: Path) -> None:
    app = app_over(gate, web_client, ROUTES)
    ids = {"conversationId": new_id(), "userId": new_id(), "sessionId": new_id()}
    async with client_of(app, gate.settings) as stranger:
        answers = {
            route.action.name: await stranger.request(
                route.method, f"/api/v1{route.path.format_map(ids)}"
            )
            for route in ROUTES
            if not route.action.visitor
        }

    assert {name for name, answer in answers.items() if answer.status_code != 401} == set()


async def test_eve_learns_nothing_of_their_conversation(
    gate: Gate, web_client: Path, world: World
) -> None:
    app = app_over(gate, web_client, ROUTES)
    async with (
        client_of(app, gate.settings, world.ana) as ana,
        client_of(app, gate.settings, world.eve) as eve,
    ):
        words = {"to": str(world.ben.user_id), "text": "Psst", "clientId": str(new_id())}
        sent = await ask(ana, "POST", "/messages", json=words)
        theirs = await eve.get(f"/api/v1/conversations/{sent['conversationId']}/messages")
        nowhere = await eve.get(f"/api/v1/conversations/{new_id()}/messages")

    assert theirs.status_code == nowhere.status_code == 404
    assert theirs.json()["error"] == nowhere.json()["error"]
