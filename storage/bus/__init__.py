"""How the processes of one Loopync hear what the others committed.

The bus is quick and at most once: it may lose, double and reorder. What must not be lost
stands in the journal, so a listener that sees a gap reads it there.
"""

from storage.bus.interface import Bus, Listener
from storage.bus.notify import NotifyBus

__all__ = ["Bus", "Listener", "NotifyBus"]
