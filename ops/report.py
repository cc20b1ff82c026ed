"""What can be told to the person at the terminal is told in words; anything else is a bug."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ops.say import Stop
from storage.database import DatabaseUnavailable
from storage.embedded import EmbeddedError
from storage.errors import Refusal
from storage.migrate import MigrationError
from storage.settings import SettingsError

WORDED = (Stop, SettingsError, EmbeddedError, MigrationError, DatabaseUnavailable, Refusal)


@contextmanager
def said_to_person() -> Iterator[None]:
    """Ends the program with a message and an exit code, instead of a traceback."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        problems = list(leaves(error))
        if not all(isinstance(problem, WORDED) for problem in problems):
            raise
        for problem in problems:
            print(f"loopync: {problem}", file=sys.stderr)
        sys.exit(max(problem.code if isinstance(problem, Stop) else 2 for problem in problems))


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The exceptions themselves, out of the groups that nurseries wrap them in."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error
