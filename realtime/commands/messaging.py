"""Messaging over the socket: what a client may ask, and the action that answers."""

from realtime import typing_signal
from realtime.dispatch import Command, Instant, Marking, Stored
from storage.domains import messaging

COMMANDS: list[Command] = [
    Stored(messaging.list_conversations),
    Stored(messaging.get_conversation),
    Stored(messaging.open_direct),
    Stored(messaging.create_group),
    Stored(messaging.update_conversation),
    Stored(messaging.list_members),
    Stored(messaging.add_members),
    Stored(messaging.remove_member),
    Stored(messaging.set_member_role),
    Stored(messaging.leave_conversation),
    Stored(messaging.send_message),
    Stored(messaging.list_messages),
    Marking(messaging.mark_delivered),
    Marking(messaging.mark_read),
    Instant(
        "typing",
        messaging.Typing,
        typing_signal.typing,
        otherwise=Stored(messaging.typing, perform=typing_signal.ask),
    ),
]
