"""Who is connected where. A process holds a lease on its people, and renews it by beating.

Times are the database's own, so processes on machines with different clocks agree on who is
dead. Nothing here is journalled: presence is what is so now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias
from uuid import UUID

from storage.database import Transaction
from storage.ids import UserId

PresentState: TypeAlias = Literal["online", "away"]

DEAD_SECONDS = 6.0
"""A process that has not beaten for this long is dead, and its people are not there."""


async def beat(tx: Transaction, process_id: UUID) -> bool:
    """Renew the lease. False if there was none: then the process's people must be saved again."""
    is_new: bool = await tx.value(BEAT, process_id)
    return not is_new


async def save(
    tx: Transaction, process_id: UUID, states: Mapping[UserId, PresentState | None]
) -> bool:
    """Set what a process's people are, None for gone. False as in `beat`."""
    had_lease = await beat(tx, process_id)
    present = {user_id: state for user_id, state in states.items() if state is not None}
    gone = [user_id for user_id, state in states.items() if state is None]
    # In one order, so that two processes with the same people never wait for each other.
    await tx.run(TOUCH, sorted(states))
    await tx.run(SET_STATES, process_id, list(present), list(present.values()))
    await tx.run(REMOVE, process_id, gone)
    return had_lease


async def reap(tx: Transaction) -> list[UserId]:
    """End the leases of dead processes. Answers whose state may have changed by it."""
    dead = [row["id"] for row in await tx.rows(LOCK_DEAD, DEAD_SECONDS)]
    if not dead:
        return []
    rows = await tx.rows(LEAVE_BEHIND, dead)
    await tx.run("DELETE FROM presence_processes WHERE id = ANY ($1::uuid[])", dead)
    return [row["user_id"] for row in rows]


BEAT = """
    INSERT INTO presence_processes (id) VALUES ($1)
        ON CONFLICT (id) DO UPDATE SET beat_at = clock_timestamp()
    RETURNING xmax = 0 AS is_new
"""

TOUCH = """
    INSERT INTO last_active (user_id, at)
    SELECT users.id, clock_timestamp() FROM unnest($1::uuid[]) AS touched (id) JOIN users USING (id)
     ORDER BY users.id
        ON CONFLICT (user_id) DO UPDATE SET at = EXCLUDED.at
"""

SET_STATES = """
    INSERT INTO presence (user_id, process_id, state)
    SELECT users.id, $1, told.state
      FROM unnest($2::uuid[], $3::text[]) AS told (id, state) JOIN users USING (id)
        ON CONFLICT (user_id, process_id) DO UPDATE SET state = EXCLUDED.state
"""

REMOVE = "DELETE FROM presence WHERE process_id = $1 AND user_id = ANY ($2::uuid[])"

# Also those who beat in the future: the clock was set back, and the dead would live on until then.
# Whoever else reaps at the same time takes the others.
LOCK_DEAD = """
    SELECT id FROM presence_processes
     WHERE abs(extract(epoch FROM clock_timestamp() - beat_at)) > $1 FOR UPDATE SKIP LOCKED
"""

# They were last seen when their process last beat.
LEAVE_BEHIND = """
    INSERT INTO last_active (user_id, at)
    SELECT presence.user_id, least(max(presence_processes.beat_at), clock_timestamp())
      FROM presence JOIN presence_processes ON presence_processes.id = presence.process_id
     WHERE presence_processes.id = ANY ($1::uuid[])
     GROUP BY presence.user_id ORDER BY presence.user_id
        ON CONFLICT (user_id) DO UPDATE SET at = greatest(last_active.at, EXCLUDED.at)
    RETURNING user_id
"""
