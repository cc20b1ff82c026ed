"""`./loopync admin verify`: recounts what is stored, while the product runs or not."""

from __future__ import annotations

import argparse
import time
from typing import Final

from ops.say import Stop, say
from storage import journal_check
from storage.database import Limits, QueryCanceled, open_database
from storage.domains import messaging, presence
from storage.gate import Gate
from storage.verify import Check, Outcome, Told, verify

CHECKS: Final[tuple[Check, ...]] = (
    *messaging.CHECKS,
    *journal_check.CHECKS,
    *presence.CHECKS,
)
"""What others are counted by comes first, so that the first difference is nearest to its cause."""

HOUR: Final = 3600.0
LIMITS: Final = Limits(statement_seconds=HOUR, answer_seconds=HOUR + 60)
"""One statement may walk through millions of rows."""


async def verify_all(gate: Gate, arguments: argparse.Namespace) -> None:
    """Raises Stop, with exit code 1, for the first difference."""
    settings = gate.settings
    assert settings.database_url is not None
    began = time.monotonic()

    def told(outcome: Outcome) -> None:
        nonlocal began
        seconds, began = time.monotonic() - began, time.monotonic()
        verdict = "ok" if outcome.difference is None else "NO"
        say(f"{verdict}  {outcome.check.holds} ({outcome.rows:,} rows, {seconds:.1f} s)")

    try:
        found = await _looked_through(settings.database_url, settings.database_driver, told)
    except QueryCanceled:
        raise Stop(f"One of the checks took longer than {HOUR:g} s: nothing is known.") from None
    if found is not None:
        raise Stop(f"first difference: {found.difference}.", code=1)
    say("Nothing differs.")


async def _looked_through(url: str, driver: str, told: Told) -> Outcome | None:
    async with (
        open_database(
            url,
            driver=driver,
            connections_max=1,
            limits=LIMITS,
        ) as database,
        # One snapshot for all of it: what is written from now on is not seen.
        database.transaction(read_only=True) as tx,
    ):
        return await verify(tx, CHECKS, told)
