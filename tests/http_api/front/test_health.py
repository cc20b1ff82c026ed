from collections.abc import Awaitable, Callable

import httpx
import msgspec
import trio
import trio.testing

from http_api.exchange import Response
from http_api.health import PROBE_SECONDS_MAX, REPORT_SECONDS, Health


def answering(word: str) -> Callable[[], Awaitable[str]]:
    async def probe() -> str:
        return word

    return probe


def parts(response: Response) -> dict[str, str]:
    answer: dict[str, str] = msgspec.json.decode(response.body)["data"]["parts"]
    return answer


async def test_a_server_with_its_database_is_ready(stranger: httpx.AsyncClient) -> None:
    response = await stranger.get("/health/ready")

    assert response.status_code == 200
    assert response.json()["data"]["status"] == "ready"
    assert response.json()["data"]["parts"]["database"] == "ok"
    assert response.json()["data"]["parts"]["bus"] == "ok"


async def test_without_its_database_it_is_not_ready_but_alive() -> None:
    health = Health({"database": answering("unreachable"), "bus": answering("ok")})
    response = await health.ready()

    assert response.status == 503
    assert parts(response) == {"database": "unreachable", "bus": "ok"}
    assert msgspec.json.decode(response.body)["error"]["code"] == "unavailable"
    assert health.live().status == 200


async def test_without_realtime_it_is_ready_but_not_whole() -> None:
    health = Health({"database": answering("ok"), "realtime": answering("unreachable")})

    assert (await health.ready()).status == 200
    assert (await health.whole()).status == 503


async def test_a_part_that_hangs_is_told_in_time(autojump_clock: trio.testing.MockClock) -> None:
    async def hanging() -> str:
        await trio.sleep_forever()
        raise AssertionError

    started_seconds = trio.current_time()
    response = await Health({"database": hanging, "bus": answering("ok")}).ready()

    assert parts(response) == {"database": "timeout", "bus": "ok"}
    assert trio.current_time() - started_seconds == PROBE_SECONDS_MAX


async def test_asking_often_asks_the_parts_once(autojump_clock: trio.testing.MockClock) -> None:
    asked = 0

    async def counting() -> str:
        nonlocal asked
        asked += 1
        return "ok"

    health = Health({"database": counting})
    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(health.ready)
    assert asked == 1

    await trio.sleep(REPORT_SECONDS)
    await health.ready()
    assert asked == 2
