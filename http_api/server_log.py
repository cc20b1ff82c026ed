"""Hypercorn's log as lines of ours."""

from __future__ import annotations

import logging

from hypercorn.config import Config
from hypercorn.logging import Logger


class ServerLogger(Logger):
    """Its errors. Accesses are logged by the application, with their id."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.access_logger = None
        self.error_logger = logging.getLogger("hypercorn.error")
        self.error_logger.handlers.clear()
        self.error_logger.propagate = True
