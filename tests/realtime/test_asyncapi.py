"""The socket's description says what it speaks: nothing more, nothing less, and validly."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import msgspec
import pytest

from http_api.routes import ROUTES
from realtime import asyncapi, disconnects, pushes
from realtime.commands.surface import COMMANDS
from realtime.disconnects import Disconnect
from realtime.wire import RequestId
from storage.gate import Gate
from storage.ids import new_id
from storage.settings import Settings
from storage.words import Words
from tests.asyncapi.parser import judged
from tests.http_api.conftest import app_over, client_of
from tests.realtime.conftest import Device, Process
from tests.world import World, make_friends

PROTOCOL = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"
SOURCES = Path(__file__).resolve().parents[2]
DESCRIPTION = asyncapi.document()
MESSAGES: dict[str, Any] = DESCRIPTION["components"]["messages"]
EXCHANGES = {"connect", *COMMANDS}


def test_the_official_parser_finds_nothing_wrong_with_it() -> None:
    verdict = judged(DESCRIPTION)
    assert verdict.found == []
    assert set(verdict.operations) == set(DESCRIPTION["operations"])


def broken(how: str) -> dict[str, Any]:
    description = deepcopy(DESCRIPTION)
    operation = description["operations"]["send_message"]
    request = description["components"]["messages"]["send_message.request"]
    if how == "an operation without an action":
        del operation["action"]
    elif how == "a message that is nowhere":
        operation["messages"] = [{"$ref": "#/channels/socket/messages/nothing"}]
    else:
        request["payload"]["type"] = "thing"
    return description


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("an operation without an action", "asyncapi-document-resolved"),
        ("a message that is nowhere", "invalid-ref"),
        ("a type that is none", "asyncapi-document-resolved"),
    ],
)
def test_a_broken_one_is_refused(how: str, code: str) -> None:
    assert code in {one["code"] for one in judged(broken(how)).found}


def test_every_command_is_described_with_its_reply_and_nothing_else_is() -> None:
    received = {
        name for name, one in DESCRIPTION["operations"].items() if one["action"] == "receive"
    }
    assert received == EXCHANGES
    for name in EXCHANGES:
        assert {f"{name}.request", f"{name}.reply"} <= set(MESSAGES)


def lasting_kinds() -> set[str]:
    """Of every event there is, from whichever module of storage."""
    found: set[str] = set()
    waiting: list[type[Any]] = [Words]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            name = vars(kind).get("kind")
            if kind.__module__.startswith("storage.") and isinstance(name, str):
                found.add(name)
    return found


def ephemeral_kinds() -> set[str]:
    """The constants and literals with which `wire.ephemeral` is called."""
    text = "".join(path.read_text() for path in (SOURCES / "realtime").rglob("*.py"))
    named = set(re.findall(r'ephemeral\(\s*"(\w+)"', text))
    constants = set(re.findall(r"ephemeral\(\s*([A-Z]\w*)", text))
    assert constants == {"TYPING"}, "say here what it is"
    return named | {"typing"}


def test_every_push_is_described_and_nothing_else_is() -> None:
    sent = {
        name.removeprefix("push_")
        for name, one in DESCRIPTION["operations"].items()
        if one["action"] == "send"
    }
    lasting = {told.name for told in pushes.PUSHES if told.topics}
    assert lasting == lasting_kinds()
    assert sent - lasting == ephemeral_kinds()


def test_the_protocol_names_the_same_pushes_in_the_same_topics() -> None:
    section = PROTOCOL.read_text().partition("\n## Pushes\n")[2]
    rows = re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", section, re.MULTILINE)
    told = {
        name: {kind for kind in ("conversation", "user") if kind in topics}
        for names, topics in rows
        for name in re.findall(r"`(\w+)`", names)
    }
    assert told == {one.name: set(one.topics) for one in pushes.PUSHES}


def test_every_close_code_is_told() -> None:
    told = {one["code"]: (one["reason"], one["comeBack"]) for one in DESCRIPTION["x-close-codes"]}
    sent = [one for one in vars(disconnects).values() if isinstance(one, Disconnect)]
    assert told == {one.code: (one.reason, one.come_back) for one in sent}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_of_a_request_can_be_sent(name: str) -> None:
    [example] = MESSAGES[f"{name}.request"]["examples"]
    msgspec.convert(example["payload"]["id"], RequestId)
    COMMANDS[name].decoder.decode(msgspec.json.encode(example["payload"].get("data", {})))


def check(name: str, frame: Any) -> None:
    """Raises jsonschema.ValidationError when a frame is not what the description says."""
    schema = {"$ref": f"#/components/messages/{name}/payload"}
    whole = {**schema, "components": DESCRIPTION["components"]}
    jsonschema.Draft202012Validator(whole).validate(frame)


@pytest.mark.parametrize("name", MESSAGES)
def test_every_example_is_what_its_schema_says(name: str) -> None:
    for example in MESSAGES[name]["examples"]:
        check(name, example["payload"])


class Recorder:
    """Asks through a device, and holds all that it hears against the description."""

    def __init__(self, device: Device, seen: set[str]) -> None:
        self._device = device
        self._asked: dict[int, str] = {1: "connect"}
        self._seen = seen

    async def ask(self, event: str, data: object = None) -> Any:
        check(f"{event}.request", {"id": 1, "event": event, "data": data or {}})
        answer = await self._device.ask(event, data)
        self._asked[self._device.last_id] = event
        return answer

    def judge(self) -> None:
        for frame in self._device.said:
            if "id" not in frame:
                name = f"{frame['event']}.push"
            elif frame["success"]:
                name = f"{self._asked[frame['id']]}.reply"
            else:
                name = "refusal"
            check(name, frame)
            self._seen.add(name)


async def test_what_is_said_is_what_is_described(process: Process, world: World) -> None:
    async with process.core.gate.database.transaction() as tx:
        await make_friends(tx, world.ana, world.ben)
    seen: set[str] = set()
    ana = Recorder(await process.connect(world.ana), seen)
    ben_device = await process.connect(world.ben)
    ben = Recorder(ben_device, seen)
    ben_id, chloe_id = str(world.ben.user_id), str(world.chloe.user_id)

    await ana.ask("watch_presence", {"userIds": [ben_id]})
    sent = await ana.ask("send_message", {"to": ben_id, "text": "hi 🎟", "clientId": str(new_id())})
    talk = {"conversationId": sent["conversationId"]}
    await ben_device.push("new_message", seq=1)
    await ben.ask("mark_delivered", talk | {"seq": 1})
    await ben.ask("mark_read", talk | {"seq": 1})
    await ben.ask("typing", talk)
    await ben.ask("set_presence", {"state": "away"})
    made = {"name": "Hikers", "userIds": [ben_id], "clientId": str(new_id())}
    group = {"conversationId": (await ana.ask("create_group", made))["id"]}
    await ana.ask("add_members", group | {"userIds": [chloe_id]})
    await ana.ask("update_conversation", group | {"name": "Climbers"})
    await ana.ask("set_member_role", group | {"userId": ben_id, "role": "admin"})
    await ana.ask("list_members", group)
    await ana.ask("remove_member", group | {"userId": chloe_id})
    await ben.ask("leave_conversation", group)
    await ana.ask("list_messages", group | {"limit": 10})
    await ana.ask("list_messages", group | {"before": 1, "after": 1})
    await ana.ask("get_conversation", {"conversationId": str(new_id())})
    await ana.ask("list_conversations")
    await ana.ask("open_direct", {"userId": chloe_id})
    await ana.ask("get_me")
    await ana.ask("update_profile", {"bio": "Painter"})
    await ana.ask("update_settings", {"theme": "dark"})
    await ana.ask("get_user", {"userId": ben_id})
    await ana.ask("search_users", {"query": "be"})
    await ana.ask("list_friends")
    await ana.ask("request_friend", {"userId": chloe_id})
    await ana.ask("list_friend_requests")
    await ana.ask("cancel_friend_request", {"userId": chloe_id})
    await ana.ask("remove_friend", {"userId": ben_id})
    await ana.ask("block_user", {"userId": chloe_id})
    await ana.ask("list_blocks")
    await ana.ask("unblock_user", {"userId": chloe_id})
    await ana.ask("list_sessions")
    await ana.ask("ping")
    ben_device.send_raw(b"not json")
    await ana.ask("ping")
    ana.judge()
    ben.judge()

    pushed = {name.removesuffix(".push") for name in seen if name.endswith(".push")}
    lasting = {told.name for told in pushes.PUSHES if told.topics}
    signing_in = {"session_added", "session_revoked"}
    by_others = {"friend_added"}
    assert lasting - signing_in - by_others <= pushed
    assert {"caught_up", "typing"} <= pushed
    assert {"connect.reply", "refusal", "send_message.reply", "list_conversations.reply"} <= seen


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("new_message.push", {"seq": 0}),
        ("new_message.push", {"topic": "user:019a5a3c-7f00-7000-8000-000000000b01"}),
        ("send_message.reply", {"data": {"id": 7}}),
        ("refusal", {"error": {"code": "whatever", "subject": "", "hint": "", "retry": False}}),
        ("caught_up.push", {"more": 1}),
    ],
)
def test_what_is_not_described_would_be_noticed(name: str, change: dict[str, Any]) -> None:
    [example] = MESSAGES[name]["examples"]
    with pytest.raises(jsonschema.ValidationError):
        check(name, example["payload"] | change)


async def test_it_is_served_over_http_once_the_socket_has_written_it(
    gate: Gate, tmp_path: Path
) -> None:
    async with client_of(app_over(gate, tmp_path / "no", ROUTES), gate.settings) as client:
        before: httpx.Response = await client.get("/api/v1/asyncapi.json")
        asyncapi.publish(gate.settings)
        after = await client.get("/api/v1/asyncapi.json")
        page = await client.get("/api/v1/docs")
    assert before.status_code == 404
    assert after.json() == DESCRIPTION
    assert "/api/v1/asyncapi.json" in page.text
    assert os.listdir(tmp_path) == ["asyncapi.json"]


def test_what_a_killed_process_left_half_written_is_deleted_and_a_siblings_is_not(
    tmp_path: Path,
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as killed:
        pass
    names = [f"asyncapi.json.{killed.pid}", f"asyncapi.json.{os.getppid()}", "asyncapi.json.old"]
    for name in names:
        (tmp_path / name).write_text("{")
    asyncapi.publish(Settings(data=tmp_path, secret=b"s" * 32))
    assert sorted(os.listdir(tmp_path)) == sorted(["asyncapi.json", *names[1:]])


def test_a_folder_that_cannot_be_written_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncapi.publish(Settings(data=tmp_path / "missing", secret=b"s" * 32))
    assert not (tmp_path / "missing").exists()
    assert "description_not_written" in "".join(capsys.readouterr())
