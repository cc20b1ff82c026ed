"""A full disk: refused with an error, never a false ack; reads go on; and after it all is well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias
from uuid import uuid4

import pytest
import trio

from bench.client import Client, RequestRefused, connect
from storage.database import DatabaseUnavailable, open_database
from storage.embedded.cluster import url_of
from storage.errors import Unavailable
from storage.room import ROOM_BYTES_MIN, Room, free_bytes
from tests.faults.instance import Instance, full, running, small_disk
from tests.needs import needs_namespaces, needs_root

DISK_MEGABYTES = 400
TEXT = "what fills a disk, word by word " * 100
SENT_AT_ONCE = 20
BACK_SECONDS_MAX = 60.0
READ_SECONDS_MAX = 15.0

Ending: TypeAlias = Literal["none", "killed", "log full"]
"""What becomes of PostgreSQL on the full disk."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", DISK_MEGABYTES) as disk:
        yield disk


@dataclass
class Findings:
    """What Ana was told, what Ben heard, and what history says in the end."""

    acked: list[str] = field(default_factory=list)
    refused: list[RequestRefused] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """Reads that failed while the disk was full."""
    heard: list[str] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)

    @property
    def false_acks(self) -> list[str]:
        return [client_id for client_id in self.acked if client_id not in self.stored]


class Talk:
    def __init__(self, instance: Instance, ana: Client, ben: Client, token: str) -> None:
        self.instance, self.ana, self.ben, self.token = instance, ana, ben, token
        self.conversation_id = ""
        self.findings = Findings()
        self._heard = trio.Event()

    async def say(self, client_ids: list[str]) -> list[str]:
        """All at once; which of them were refused, and are to be said again."""
        again: list[str] = []

        async def say_one(client_id: str) -> None:
            data = {"conversationId": self.conversation_id, "text": client_id + TEXT}
            try:
                await self.ana.request("send_message", data | {"clientId": client_id})
            except RequestRefused as refused:
                self.findings.refused.append(refused)
                again.append(client_id)
            else:
                self.findings.acked.append(client_id)

        async with trio.open_nursery() as nursery:
            for client_id in client_ids:
                nursery.start_soon(say_one, client_id)
        return again

    async def read(self, what: str) -> None:
        """Through both doors, and for somebody who only comes now; after a moment at the most.

        PostgreSQL may have to start again, in the room that was kept for it.
        """
        await self._wait_readable()
        path = f"/conversations/{self.conversation_id}/messages?limit=1"
        status, _ = await trio.to_thread.run_sync(self.instance.ask, "GET", path, None, self.token)
        if status != 200:
            self.findings.unread.append(f"{what}: HTTP {status}")
        try:
            await self.ben.request("list_messages", {"conversationId": self.conversation_id})
            with trio.fail_after(10):
                url, origin = self.instance.ws_url, self.instance.origin
                async with connect(url, self.token, origin=origin) as newcomer:
                    await newcomer.wait_caught_up()
        except (RequestRefused, trio.TooSlowError) as error:
            self.findings.unread.append(f"{what}: {error!r}")

    async def _wait_readable(self) -> None:
        with trio.move_on_after(READ_SECONDS_MAX):
            while True:
                try:
                    await self.ben.request("list_friends", {})
                except RequestRefused as refused:
                    if (refused.code, refused.retry) != ("unavailable", True):
                        raise
                    await trio.sleep(0.1)
                else:
                    return

    async def hear(self) -> None:
        async for push in self.ben.events:
            if push.event == "new_message" and push.data["text"].endswith(TEXT):
                self.findings.heard.append(push.data["text"].removesuffix(TEXT))
                self._heard.set()
                self._heard = trio.Event()

    async def wait_heard(self) -> None:
        with trio.move_on_after(10):
            while len(self.findings.heard) < len(self.findings.stored):
                await self._heard.wait()

    async def look_back(self) -> None:
        """All of the history, page by page."""
        before: int | None = None
        while True:
            data: dict[str, Any] = {"conversationId": self.conversation_id, "limit": 100}
            page = await self.ana.request(
                "list_messages", data | ({"before": before} if before else {})
            )
            some = page["messages"]
            self.findings.seqs[:0] = [message["seq"] for message in some]
            self.findings.stored[:0] = [
                one["clientId"] for one in some if one["text"].endswith(TEXT)
            ]
            if not page["hasBefore"]:
                return
            before = some[0]["seq"]


async def fill_and_free(variant: str, disk: Path, *, ending: Ending) -> Findings:
    """They talk; the disk is filled; PostgreSQL ends, or does not; the disk is freed."""
    with running(variant, disk / "data") as instance:
        signed_in = [instance.sign_in(name)["accessToken"] for name in ("ana", "ben")]
        ana_token, ben_token = signed_in
        url, origin = instance.ws_url, instance.origin
        async with (
            connect(url, ana_token, origin=origin) as ana,
            connect(url, ben_token, origin=origin) as ben,
            trio.open_nursery() as nursery,
        ):
            talk = Talk(instance, ana, ben, ana_token)
            nursery.start_soon(talk.hear)
            me = ben.signed_in["userId"]
            opened = await ana.request("open_direct", {"userId": me})
            talk.conversation_id = opened["id"]
            assert not await talk.say(_ids())
            with full(disk):
                again = await _say_until_refused(talk)
                await talk.read("on a full disk")
                if ending != "none":
                    await _end_database(instance, ending)
                    await talk.read("after the end of the database")
                    again = await talk.say(again)
            with trio.move_on_after(BACK_SECONDS_MAX):
                while again := await talk.say(again):  # noqa: ASYNC110 - only asking tells
                    await trio.sleep(0.2)
            assert not again, "there is room, and still nothing is stored"
            await talk.look_back()
            await talk.wait_heard()
            nursery.cancel_scope.cancel()
        return talk.findings


async def _end_database(instance: Instance, ending: Ending) -> None:
    """By force; or by itself, because its log needs another file and there is no room for it."""
    if ending == "killed":
        await trio.to_thread.run_sync(instance.kill_database)
    else:
        async with open_database(url_of(instance.data), connections_max=1) as database:
            with pytest.raises(DatabaseUnavailable):
                await database.script("SELECT pg_switch_wal(); CREATE TABLE more (number int)")


def _ids() -> list[str]:
    return [str(uuid4()) for _ in range(SENT_AT_ONCE)]


async def _say_until_refused(talk: Talk) -> list[str]:
    """On a disk that is only just full, a few may still fit where rows were."""
    for _ in range(100):
        if again := await talk.say(_ids()):
            return again
    return []


def assert_sound(findings: Findings) -> None:
    assert findings.refused, "the disk was never full"
    for refused in findings.refused:
        assert (refused.code, refused.retry) == ("unavailable", True)
    assert not findings.false_acks
    assert sorted(findings.stored) == sorted(findings.acked), "each once"
    assert findings.seqs == list(range(1, len(findings.seqs) + 1))
    assert findings.heard == findings.stored


@needs_root()
@needs_namespaces()
@pytest.mark.parametrize("ending", ["none", "killed", "log full"])
async def test_on_a_full_disk_ana_is_refused_and_all_can_read_and_later_it_goes_out(
    disk: Path, ending: Ending
) -> None:
    findings = await fill_and_free("sound", disk, ending=ending)
    assert_sound(findings)
    assert findings.unread == []
    first = findings.refused[0]
    assert first.subject == "disk"
    assert "full" in first.hint
    assert first.retry_after


@needs_root()
@needs_namespaces()
async def test_where_room_ends_by_surprise_nothing_is_acked_that_is_not_stored(
    disk: Path,
) -> None:
    """PostgreSQL itself says that there is none, or ends: then reading waits too."""
    findings = await fill_and_free("unwatched", disk, ending="none")
    assert_sound(findings)


@needs_root()
@needs_namespaces()
async def test_an_ack_in_spite_of_the_failure_is_seen(disk: Path) -> None:
    findings = await fill_and_free("ignores_failure", disk, ending="none")
    assert findings.false_acks
    with pytest.raises(AssertionError):
        assert_sound(findings)


@needs_root()
@needs_namespaces()
async def test_without_a_reserve_that_test_would_see_reading_end(disk: Path) -> None:
    findings = await fill_and_free("without_reserve", disk, ending="log full")
    assert not findings.false_acks
    assert any(line.startswith("after the end") for line in findings.unread), findings.unread


# ---- the watch itself


def test_little_room_is_refused_with_words_until_there_is_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    room = Room(tmp_path, lambda: now)
    free = ROOM_BYTES_MIN
    monkeypatch.setattr("storage.room.free_bytes", lambda folder: free)
    room.require()
    free -= 1
    room.require()  # It is looked at so often, and no oftener.
    now += 1
    with pytest.raises(Unavailable, match="reading goes on"):
        room.require()
    free += 1
    now += 1
    room.require()


def test_a_disk_of_another_machine_is_not_ours_to_watch() -> None:
    Room(None, lambda: 0.0).require()


def test_what_is_free_is_what_the_system_says(tmp_path: Path) -> None:
    assert 0 < free_bytes(tmp_path) < 2**60
