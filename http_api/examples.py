"""Bodies that one can send as they stand, by operation; for the description and the collection."""

from __future__ import annotations

from typing import Any

BEN = "019a5a3c-7f00-7000-8000-000000000b01"
CLIENT_ID = "019a5a3c-7f00-7000-8000-000000000c01"
PASSWORD = "correct horse battery"  # An example's.

EXAMPLES: dict[str, dict[str, Any]] = {
    "signup": {
        "name": "Ana Silva",
        "handle": "ana",
        "email": "ana@example.org",
        "password": PASSWORD,
    },
    "login": {"login": "ana", "password": PASSWORD},
    "change_password": {"currentPassword": PASSWORD, "newPassword": "purple elephant sings"},
    "update_profile": {"name": "Ana", "bio": "Painter", "location": "Lisbon"},
    "update_settings": {"theme": "dark", "messagesFrom": "friends"},
    "request_friend": {"userId": BEN},
    "open_direct": {"userId": BEN},
    "create_group": {"name": "Sunday walk", "userIds": [BEN], "clientId": CLIENT_ID},
    "update_conversation": {"name": "Monday walk"},
    "add_members": {"userIds": [BEN]},
    "set_member_role": {"role": "admin"},
    "send_message": {"to": BEN, "text": "Good morning", "clientId": CLIENT_ID},
    "mark_delivered": {"seq": 12},
    "mark_read": {"seq": 12},
    "typing": {"active": True},
    "set_presence": {"state": "away"},
}
