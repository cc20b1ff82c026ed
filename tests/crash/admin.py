"""Those who make groups, rename them and add people: over HTTP, each deed under its own key."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import trio

from bench.client import RequestRefused
from storage.actor import Actor
from tests.crash import http
from tests.crash.evidence import Ack, Write
from tests.crash.notes import note_words
from tests.crash.product import Product, token_of

PAUSE_SECONDS = (1.0, 4.0)
RETRY_SECONDS = (0.05, 0.5)
GIVEN_UP_CHANCE = 0.3
DOUBLED_CHANCE = 0.3


class Admin:
    """Everybody of `people` will be in some of the groups that `admin` makes."""

    def __init__(
        self,
        product: Product,
        name: str,
        admin: Actor,
        people: Sequence[str],
        groups_max: int,
        chance: random.Random,
    ) -> None:
        self.writes: list[Write] = []
        self.groups: list[str] = []
        self._product = product
        self._name = name
        self._admin = admin
        self._people = people
        self._groups_max = groups_max
        self._chance = chance
        self._outside: dict[str, list[str]] = {}

    async def make_group(self) -> None:
        chance = self._chance
        name = f"{self._name}'s group {len(self.groups)}"
        shuffled = chance.sample(self._people, len(self._people))
        size = chance.randint(2, max(2, len(shuffled) // 2))
        client_id = str(UUID(int=chance.getrandbits(128), version=4))
        body = {"name": name, "userIds": shuffled[:size], "clientId": client_id}
        write = self._begin(note_words("created", "", [], name))
        await self._deliver(write, "POST", "/conversations", body, key=None)
        if write.acks:
            self.groups.append(write.acks[0].conversation)
            self._outside[self.groups[-1]] = shuffled[size:]

    async def administrate_until(self, over: trio.Event) -> None:
        while True:
            with trio.move_on_after(self._chance.uniform(*PAUSE_SECONDS)):
                await over.wait()
            if over.is_set():
                return
            deed = self._chance.choice(("make", "rename", "add"))
            if deed == "make" and len(self.groups) < self._groups_max:
                await self.make_group()
            elif deed == "rename":
                await self._rename()
            elif deed == "add":
                await self._add()

    async def _rename(self) -> None:
        group = self._chance.choice(self.groups)
        name = f"{self._name}'s name {len(self.writes)}"
        write = self._begin(note_words("renamed", group, [], name))
        key = f"rename {len(self.writes)}"
        await self._deliver(write, "PATCH", f"/conversations/{group}", {"name": name}, key=key)

    async def _add(self) -> None:
        group = self._chance.choice(self.groups)
        if self._outside[group]:
            person = self._outside[group].pop()
            write = self._begin(note_words("added", group, [person], None))
            key = f"add {len(self.writes)}"
            path = f"/conversations/{group}/members"
            await self._deliver(write, "POST", path, {"userIds": [person]}, key=key)

    def _begin(self, text: str) -> Write:
        author = str(self._admin.user_id)
        write = Write(author=author, writer=f"{self._name}, as admin", text=text, is_note=True)
        self.writes.append(write)
        return write

    async def _deliver(
        self, write: Write, method: str, path: str, body: dict[str, Any], *, key: str | None
    ) -> None:
        while not write.acks and not write.refusals:
            given_up = self._chance.random() < GIVEN_UP_CHANCE
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._try, write, method, path, body, key, not given_up)
                if self._chance.random() < DOUBLED_CHANCE:
                    nursery.start_soon(self._try, write, method, path, body, key, True)

    async def _try(
        self,
        write: Write,
        method: str,
        path: str,
        body: dict[str, Any],
        key: str | None,
        reads_answer: bool,
    ) -> None:
        write.tries += 1
        try:
            answer = await http.request(
                self._product.http_port,
                method,
                path,
                body,
                token=token_of(self._admin),
                key=key,
                reads_answer=reads_answer,
            )
        except RequestRefused as refusal:
            if refusal.retry:
                await trio.sleep(refusal.retry_after or self._chance.uniform(*RETRY_SECONDS))
            else:
                write.refusals.append(f"{refusal.code} {refusal.subject}")
        except http.NoAnswer:
            await trio.sleep(self._chance.uniform(*RETRY_SECONDS))
        else:
            # The first answer, word for word, is what every later one must be.
            digest = hashlib.sha256(json.dumps(answer, sort_keys=True).encode()).hexdigest()
            write.acks.append(Ack(answer["id"], digest, 0))
