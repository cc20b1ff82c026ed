"""Clocks that jump by an hour, there and back: tokens end sanely, and order is by number."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trio

from bench.client import Client, connect
from storage.database import open_database
from storage.embedded.cluster import url_of
from tests.faults.clocks import HOUR_SECONDS, Clocks, Whose, clocks
from tests.faults.instance import Instance, running
from tests.needs import needs_package

JUMPS = (0, HOUR_SECONDS, 0)
WORDS_EACH = 5
PRESENCE_SECONDS_MAX = 30.0
JUMP_SECONDS_MAX = 20.0


class Person:
    """Signs in once, and then refreshes whenever the access token is refused, as clients do."""

    def __init__(self, instance: Instance, name: str) -> None:
        self.instance, self.name = instance, name
        self.refreshed = 0
        self.id = self.access = self._refresh = ""
        self._take(instance.sign_in(name))

    def _take(self, tokens: Any) -> None:
        self.access, self._refresh, self.id = (
            tokens["accessToken"],
            tokens["refreshToken"],
            tokens["user"]["id"],
        )

    async def token(self) -> str:
        """One that the server takes."""
        await self.ask("GET", "/users/me")
        return self.access

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        for _ in range(2):
            status, answer = await trio.to_thread.run_sync(
                self.instance.ask, method, path, body, self.access
            )
            if status != 401:
                assert status in (200, 201), answer
                return answer["data"]
            await self._get_another()
        raise AssertionError(f"{self.name} is refused with a fresh token")

    async def _get_another(self) -> None:
        status, answer = await trio.to_thread.run_sync(
            self.instance.ask, "POST", "/auth/refresh", {"refreshToken": self._refresh}
        )
        assert status == 200, answer
        assert answer["data"]["signedIn"], "the session has ended"
        self._take(answer["data"])
        self.refreshed += 1


@dataclass
class Findings:
    acked: list[tuple[int, str]] = field(default_factory=list)
    """Number and clientId, in the order of the acks."""
    heard: list[int] = field(default_factory=list)
    history: list[tuple[int, str]] = field(default_factory=list)
    backwards: list[tuple[int, str]] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    pages_of_list: list[str] = field(default_factory=list)
    present_within: list[float] = field(default_factory=list)
    refreshed: int = 0


class Talk:
    def __init__(self, instance: Instance, ana: Person, ben: Person, whose: Whose) -> None:
        self.instance, self.ana, self.ben, self.whose = instance, ana, ben, whose
        self.findings = Findings()
        self.conversation_id = ""
        self.have: dict[str, int] = {}

    async def phase(self, clock: Clocks, seconds: int) -> None:
        """They come; the clock is set while they talk; they see each other, and go."""
        url, origin = self.instance.ws_url, self.instance.origin
        async with connect(url, self.ana.token, origin=origin) as ana:
            async with connect(url, self.ben.token, self.have, origin=origin) as ben:
                await ben.wait_caught_up()
                await self._say(ana)
                clock.set(seconds)
                await self._wait_set(ana, seconds)
                for _ in range(WORDS_EACH):
                    await self._say(ana)
                await self._hear(ben)
                self.have = dict(ben.have)
                await self._see(ana, "online")
            await self._see(ana, "offline")
        await self.ana.ask("GET", "/conversations")

    async def _wait_set(self, ana: Client, seconds: int) -> None:
        """Talk on until a clock that is to be wrong is wrong."""
        with trio.fail_after(JUMP_SECONDS_MAX):
            while True:
                told = await self._say(ana)
                if self.whose == "database":
                    told = await self._database_time()
                off_seconds = (told - datetime.now(told.tzinfo)).total_seconds()
                if abs(off_seconds - seconds) < 60:
                    return
                await trio.sleep(0.2)

    async def _database_time(self) -> datetime:
        async with (
            open_database(url_of(self.instance.data), connections_max=1) as database,
            database.transaction() as tx,
        ):
            now: datetime = await tx.value("SELECT clock_timestamp()")
            return now

    async def _say(self, ana: Client) -> datetime:
        client_id = str(uuid4())
        data = {"conversationId": self.conversation_id, "text": "tick", "clientId": client_id}
        sent = await ana.request("send_message", data)
        self.findings.acked.append((sent["seq"], client_id))
        # A retry of the first of all gets the first answer, whatever the clock says.
        first_seq, first_id = self.findings.acked[0]
        again = await ana.request("send_message", data | {"clientId": first_id})
        assert again["seq"] == first_seq
        return datetime.fromisoformat(sent["createdAt"])

    async def _hear(self, ben: Client) -> None:
        """Until Ben has what was acked last."""
        last_seq = self.findings.acked[-1][0]
        with trio.fail_after(20):
            async for push in ben.events:
                if push.topic == f"conversation:{self.conversation_id}" and (
                    push.event == "new_message" and push.data["kind"] == "text"
                ):
                    self.findings.heard.append(push.data["seq"])
                    if push.data["seq"] == last_seq:
                        return

    async def _see(self, ana: Client, state: str) -> None:
        began = trio.current_time()
        with trio.fail_after(PRESENCE_SECONDS_MAX):
            while True:
                told = await ana.request("watch_presence", {"userIds": [self.ben.id]})
                [presence] = told["presence"]
                if presence["state"] == state:
                    break
                await trio.sleep(0.2)
        self.findings.present_within.append(trio.current_time() - began)

    async def look_back(self) -> None:
        found = self.findings
        path = f"/conversations/{self.conversation_id}/messages?limit=3"  # Backwards 30.
        after, has_after = 0, True
        while has_after:
            page = await self.ana.ask("GET", f"{path}&after={after}")
            found.history += [(one["seq"], one["clientId"]) for one in page["messages"]]
            found.times += [datetime.fromisoformat(one["createdAt"]) for one in page["messages"]]
            after, has_after = page["messages"][-1]["seq"], page["hasAfter"]
        before, has_before = len(found.history) + 1, True
        while has_before:
            page = await self.ana.ask("GET", f"{path}0&before={before}")
            found.backwards[:0] = [(one["seq"], one["clientId"]) for one in page["messages"]]
            before, has_before = page["messages"][0]["seq"], page["hasBefore"]
        cursor = ""
        while True:
            page = await self.ana.ask("GET", f"/conversations?limit=1{cursor}")
            found.pages_of_list += [one["id"] for one in page["conversations"]]
            if page["nextCursor"] is None:
                return
            cursor = f"&cursor={page['nextCursor']}"


async def jump(variant: str, whose: Whose, data: Path) -> Findings:
    with clocks(whose) as clock, running(variant, data, clock.environment) as instance:
        talk = Talk(instance, Person(instance, "ana"), Person(instance, "ben"), whose)
        group = {"name": "Clocks", "userIds": [talk.ben.id], "clientId": str(uuid4())}
        made = await talk.ana.ask("POST", "/conversations", group)
        talk.conversation_id = made["id"]
        talk.have = {f"conversation:{made['id']}": made["topicSeq"]}
        for number, seconds in enumerate(JUMPS):
            await talk.phase(clock, seconds)
            # One more conversation from each of the times, for the list's pages.
            group = {"name": f"Group {number}", "userIds": [talk.ben.id], "clientId": str(uuid4())}
            await talk.ana.ask("POST", "/conversations", group)
        await talk.look_back()
        talk.findings.refreshed = talk.ana.refreshed
        return talk.findings


def assert_sound(found: Findings) -> None:
    numbers = [seq for seq, _ in found.acked]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "as they were said"
    assert found.heard == numbers, "each once, in order"
    assert found.history[-len(numbers) :] == found.acked
    assert found.backwards == found.history, "pages meet, either way"
    listed = found.pages_of_list
    assert len(set(listed)) == len(listed) >= len(JUMPS) + 1


@needs_package("faketime")
@pytest.mark.parametrize("whose", ["parts", "database", "both"])
async def test_ana_and_ben_talk_on_in_order_through_jumps_of_the_clock(
    tmp_path: Path, whose: Whose
) -> None:
    found = await jump("sound", whose, tmp_path)
    assert_sound(found)
    if whose != "database":
        # So it really jumped: a later word bears an earlier time.
        back = min(b - a for a, b in zip(found.times, found.times[1:], strict=False))
        assert back < timedelta(minutes=-50)
        assert found.refreshed, "an hour on, the access token has ended, and the session has not"


@needs_package("faketime")
async def test_history_by_the_clock_is_seen(tmp_path: Path) -> None:
    found = await jump("ordered_by_clock", "parts", tmp_path)
    with pytest.raises(AssertionError):
        assert_sound(found)
    assert found.backwards != sorted(found.backwards), "for that reason"
