"""Everything a client may ask over the socket."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from realtime.commands import friends, identity, messaging, presence, profiles
from realtime.dispatch import Command


def _joined(*tables: list[Command]) -> Mapping[str, Command]:
    commands: dict[str, Command] = {}
    for command in (command for table in tables for command in table):
        assert command.name not in commands, command.name
        commands[command.name] = command
    return MappingProxyType(commands)


COMMANDS: Final = _joined(
    identity.COMMANDS,
    profiles.COMMANDS,
    friends.COMMANDS,
    messaging.COMMANDS,
    presence.COMMANDS,
)
