"""Everything a client may ask over the socket."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from realtime.commands import friends, identity, messaging, presence, profiles
from realtime.dispatch import Command

TABLES: Final[Mapping[str, list[Command]]] = MappingProxyType(
    {
        "identity": identity.COMMANDS,
        "profiles": profiles.COMMANDS,
        "friends": friends.COMMANDS,
        "messaging": messaging.COMMANDS,
        "presence": presence.COMMANDS,
    }
)


def _joined() -> Mapping[str, Command]:
    commands: dict[str, Command] = {}
    for command in (command for table in TABLES.values() for command in table):
        assert command.name not in commands, command.name
        commands[command.name] = command
    return MappingProxyType(commands)


COMMANDS: Final = _joined()
