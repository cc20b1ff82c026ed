"""Percentiles of what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from bench.load.orders import Spread

NS_PER_MS = 1e6
NEVER_MS = 1e9


def percentile(ascending: Sequence[int], share: float) -> int:
    """The smallest value that at least `share` of all are at or below (nearest rank)."""
    rank = -(-len(ascending) * round(share * 10_000) // 10_000)
    return ascending[max(rank, 1) - 1]


def spread_of(nanoseconds: Sequence[int]) -> Spread:
    """Of nothing, all are NEVER_MS (JSON has no infinity)."""
    if not nanoseconds:
        return Spread(p50=NEVER_MS, p95=NEVER_MS, p99=NEVER_MS, max=NEVER_MS)
    ascending = sorted(nanoseconds)
    return Spread(
        p50=percentile(ascending, 0.50) / NS_PER_MS,
        p95=percentile(ascending, 0.95) / NS_PER_MS,
        p99=percentile(ascending, 0.99) / NS_PER_MS,
        max=ascending[-1] / NS_PER_MS,
    )
