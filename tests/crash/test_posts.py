"""kill -9 of the HTTP process in mid-POST: asked again under the same key, there is one effect, and
the answer is the first one.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trio

from bench.client import RequestRefused
from storage.actor import Actor
from storage.database import Database, open_database
from tests.crash import http
from tests.crash.product import Product, running_product, token_of
from tests.world import person

pytestmark = pytest.mark.fault

PATIENCE_SECONDS = 90.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Scene:
    product: Product
    database: Database
    ana: Actor
    ben: Actor

    async def ask(
        self, method: str, path: str, body: object, *, who: Actor | None = None, key: str | None
    ) -> Any:
        """Once; what goes wrong is raised."""
        token = token_of(who or self.ana)
        return await http.request(self.product.http_port, method, path, body, token=token, key=key)

    async def ask_until_answered(
        self, method: str, path: str, body: object, *, key: str | None
    ) -> Any:
        while True:
            try:
                return await self.ask(method, path, body, key=key)
            except http.NoAnswer:
                await trio.sleep(LOOK_SECONDS)
            except RequestRefused as refusal:
                if not refusal.retry:
                    raise
                await trio.sleep(refusal.retry_after or LOOK_SECONDS)

    async def killed_while(
        self, is_there: Callable[[], Any], method: str, path: str, body: object, key: str | None
    ) -> None:
        """Ask, kill the process once `is_there`, and see that no answer came."""
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                with pytest.raises(http.NoAnswer):
                    await http.request(
                        self.product.http_port,
                        method,
                        path,
                        body,
                        token=token_of(self.ana),
                        key=key,
                        reads_answer=None,
                    )

            nursery.start_soon(ask)
            while not await is_there():  # noqa: ASYNC110  # other processes set no event
                await trio.sleep(LOOK_SECONDS)
            assert self.product.kill("http", random.Random())

    async def value(self, sql: str, *values: object) -> Any:
        async with self.database.transaction(read_only=True) as tx:
            return await tx.value(sql, *values)


@asynccontextmanager
async def scene(data: Path) -> AsyncIterator[Scene]:
    async with (
        running_product(data) as product,
        open_database(product.database_url, connections_max=3) as database,
    ):
        async with database.transaction() as tx:
            ana, ben = await person(tx, "Ana"), await person(tx, "Ben")
        with trio.fail_after(PATIENCE_SECONDS):
            yield Scene(product, database, ana, ben)


async def test_a_group_asked_for_while_the_process_is_killed_is_made_once(tmp_path: Path) -> None:
    async with scene(tmp_path / "data") as it:
        body = {"userIds": [str(it.ben.user_id)], "clientId": str(uuid4())}

        async def waits_for_its_number() -> Any:
            return await it.value(WAITING)

        before = {**body, "name": "Before the commit"}
        async with it.database.transaction() as tx:
            # Whoever tells Ana something needs the next number of her topic: the last thing
            # before the commit.
            await tx.run(HOLD_TOPIC, f"user:{it.ana.user_id}")
            await it.killed_while(waits_for_its_number, "POST", "/conversations", before, None)
        made = await it.ask_until_answered("POST", "/conversations", before, key=None)
        assert made == await it.ask("POST", "/conversations", before, key=None)
        assert await it.value(COUNT_GROUPS, "Before the commit") == 1

        async def is_made() -> Any:
            return await it.value(COUNT_GROUPS, "After the commit")

        after = {**body, "name": "After the commit", "clientId": str(uuid4())}
        await it.killed_while(is_made, "POST", "/conversations", after, None)
        made = await it.ask_until_answered("POST", "/conversations", after, key=None)
        assert made["name"] == "After the commit"
        assert await it.value(COUNT_GROUPS, "After the commit") == 1

        # The control: under another key it is another group.
        await it.ask("POST", "/conversations", {**after, "clientId": str(uuid4())}, key=None)
        assert await it.value(COUNT_GROUPS, "After the commit") == 2


async def test_a_rename_asked_for_again_after_the_kill_undoes_nothing(tmp_path: Path) -> None:
    async with scene(tmp_path / "data") as it:
        body = {"name": "Tea", "userIds": [str(it.ben.user_id)], "clientId": str(uuid4())}
        group = (await it.ask("POST", "/conversations", body, key=None))["id"]
        path = f"/conversations/{group}"
        promote = {"role": "admin"}
        await it.ask("PATCH", f"{path}/members/{it.ben.user_id}", promote, key=None)

        async def is_called_coffee() -> Any:
            return await it.value(COUNT_GROUPS, "Coffee")

        await it.killed_while(is_called_coffee, "PATCH", path, {"name": "Coffee"}, "to coffee")
        await it.ask_until_answered("GET", path, None, key=None)
        await it.ask("PATCH", path, {"name": "Cocoa"}, who=it.ben, key=None)
        first = await it.ask_until_answered("PATCH", path, {"name": "Coffee"}, key="to coffee")
        assert first["name"] == "Coffee", "the first answer"
        assert await it.value(COUNT_GROUPS, "Cocoa") == 1, "and one effect"

        # The control: without the key Ana would take Ben's name away again.
        await it.ask("PATCH", path, {"name": "Coffee"}, key=None)
        assert await it.value(COUNT_GROUPS, "Cocoa") == 0


HOLD_TOPIC = """
    INSERT INTO topics (topic, last_seq) VALUES ($1, 1)
        ON CONFLICT (topic) DO UPDATE SET last_seq = topics.last_seq
"""

WAITING = """
    SELECT count(*) FROM pg_stat_activity
     WHERE application_name = 'loopync' AND wait_event_type = 'Lock' AND query LIKE '%topics%'
"""

COUNT_GROUPS = "SELECT count(*) FROM conversations WHERE name = $1"
