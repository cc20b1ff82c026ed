"""Friends and blocks over the socket."""

from realtime.dispatch import Command, Stored
from storage.domains import friends

COMMANDS: list[Command] = [
    Stored(friends.list_friends),
    Stored(friends.list_friend_requests),
    Stored(friends.request_friend),
    Stored(friends.accept_friend),
    Stored(friends.decline_friend),
    Stored(friends.cancel_friend_request),
    Stored(friends.remove_friend),
    Stored(friends.list_blocks),
    Stored(friends.block_user),
    Stored(friends.unblock_user),
]
