"""Sessions and the password over the socket. Signing in and out is HTTP's alone."""

from realtime.dispatch import Command, Stored
from storage.domains import identity

COMMANDS: list[Command] = [
    Stored(identity.list_sessions),
    Stored(identity.revoke_session),
    Stored(identity.revoke_other_sessions),
    Stored(identity.change_password),
]
