"""What must hold of leases: who is said to be connected is so to a process that lives."""

from __future__ import annotations

from typing import Final

from storage.domains.presence.leases import DEAD_SECONDS
from storage.verify import Check, first_row

REAPED_SECONDS = 60.0
"""A living process ends the leases of the dead within seconds. A minute allows for a start."""

# While nothing runs, nobody reaps, and nothing is wrong with what lies there. Who beats in the
# future is as dead: the clock was set back. A process's id is a UUIDv7, which begins with the time
# of its start in milliseconds.
LEFT_BEHIND = """
    SELECT presence.user_id, presence.process_id, dead.beat_at, presence.state
      FROM presence JOIN presence_processes AS dead ON dead.id = presence.process_id
     WHERE abs(extract(epoch FROM now() - dead.beat_at)) > $2
       AND EXISTS (
           SELECT FROM presence_processes AS alive
            WHERE abs(extract(epoch FROM now() - alive.beat_at)) < $1
              AND ('x' || translate(left(alive.id::text, 13), '-', ''))::bit(48)::bigint
                  < 1000 * extract(epoch FROM now() - make_interval(secs => $2)))
"""

CHECKS: Final = (
    Check(
        holds="nobody is present through a process that is dead",
        tables=("presence", "presence_processes"),
        first=first_row(
            LEFT_BEHIND,
            "user_id, process_id",
            "user {user_id} is {state} through the process {process_id}, which was last heard of "
            "at {beat_at}, and those that live have not ended its lease",
            DEAD_SECONDS,
            REAPED_SECONDS,
        ),
    ),
)
