"""Is this server well? One word for each thing it depends on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import trio

from http_api.envelope import failure, success
from http_api.exchange import Response
from storage.database import DatabaseUnavailable
from storage.errors import Unavailable
from storage.gate import Gate

PROBE_SECONDS_MAX = 2.0
REPORT_SECONDS = 1.0
"""How long a report is good for, so that asking for it is no way to load the database."""

OK = "ok"
NEEDED = ("database", "bus")
"""Without these no request can be answered; without the others, some part is missing."""

Probe = Callable[[], Awaitable[str]]


class Health:
    """`probes` answers one word each, `ok` when all is well."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = probes
        self._report: dict[str, str] = {}
        self._good_until_seconds = float("-inf")
        self._lock = trio.Lock()

    def live(self) -> Response:
        """This process runs its loop: nothing else is asked."""
        return success({"status": "live"})

    async def ready(self) -> Response:
        """503 while requests would be refused."""
        report = await self._current()
        missing = [name for name in NEEDED if report.get(name, OK) != OK]
        if missing:
            refusal = Unavailable(missing[0], report[missing[0]], retry_after_seconds=1)
            return failure(refusal, {"status": "unready", "parts": report})
        return success({"status": "ready", "parts": report})

    async def whole(self) -> Response:
        """503 when anything at all is wrong, also what this process could do without."""
        report = await self._current()
        wrong = [name for name, word in report.items() if word != OK]
        if wrong:
            refusal = Unavailable(wrong[0], report[wrong[0]], retry_after_seconds=1)
            return failure(refusal, {"status": "degraded", "parts": report})
        return success({"status": "ok", "parts": report})

    async def _current(self) -> dict[str, str]:
        async with self._lock:
            if trio.current_time() >= self._good_until_seconds:
                report: dict[str, str] = {}
                async with trio.open_nursery() as nursery:
                    for name, probe in self._probes.items():
                        nursery.start_soon(_ask, name, probe, report)
                self._report = {name: report[name] for name in self._probes}
                self._good_until_seconds = trio.current_time() + REPORT_SECONDS
            return self._report


async def _ask(name: str, probe: Probe, report: dict[str, str]) -> None:
    report[name] = "timeout"
    with trio.move_on_after(PROBE_SECONDS_MAX):
        report[name] = await probe()


def probes_of(gate: Gate) -> dict[str, Probe]:
    settings = gate.settings

    async def database() -> str:
        try:
            async with gate.database.transaction(read_only=True) as tx:
                await tx.value("SELECT 1")
        except DatabaseUnavailable:
            return "unreachable"
        return OK

    async def bus() -> str:
        # A bus that has no link to lose says nothing about it.
        return OK if gate.bus.connected else "disconnected"

    async def realtime() -> str:
        host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
        try:
            stream = await trio.open_tcp_stream(host, settings.ws_port)
        except OSError:
            return "unreachable"
        await stream.aclose()
        return OK

    async def disk() -> str:
        return "full" if gate.room.is_short() else OK

    return {"database": database, "bus": bus, "realtime": realtime, "disk": disk}
