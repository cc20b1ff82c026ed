"""The PostgreSQL that comes as a Python wheel, run as a child of whoever starts it.

- It listens on a Unix socket inside its own folder, and on nothing else.
- It ends with its starter, and a starter killed with all its children can start again at once.
- Root may not run PostgreSQL, so for root it runs as `nobody`. That user cannot walk to a folder
  below /root, and need not: the server is started *in* its folder and only ever calls it
  /proc/self/cwd. Only the programs must lie where `nobody` can read them.
"""

from storage.embedded.cluster import url_of
from storage.embedded.errors import EmbeddedError, EmbeddedInUseError
from storage.embedded.server import EmbeddedPostgres, started_or_found

__all__ = [
    "EmbeddedError",
    "EmbeddedInUseError",
    "EmbeddedPostgres",
    "started_or_found",
    "url_of",
]
