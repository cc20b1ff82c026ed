"""What time it is: the one place that asks, so that tests can answer."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)
