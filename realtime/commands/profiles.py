"""Profiles and settings over the socket."""

from realtime.dispatch import Command, Stored
from storage.domains import profiles, visibility

COMMANDS: list[Command] = [
    Stored(profiles.get_me),
    Stored(profiles.update_profile),
    Stored(profiles.get_settings),
    Stored(profiles.update_settings),
    Stored(visibility.get_user),
    Stored(visibility.search_users),
]
