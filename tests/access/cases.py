"""Every action, a command about Ana or her group, and what each role gets for it.

"ok" is an answer, and any other word the code of the refusal. An action that is not in this
table fails the matrix, so a new one cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from storage.ids import new_id
from tests.access.scene import ROLES, Role, Scene

Body: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Case:
    body: Callable[[Scene], Body]
    expected: Mapping[Role, str]


def _case(
    body: Callable[[Scene], Body], admin: str, member: str, blocked: str, stranger: str
) -> Case:
    outcomes = (admin, member, blocked, stranger, "unauthenticated")
    return Case(body, dict(zip(ROLES, outcomes, strict=True)))


def own(body: Callable[[Scene], Body]) -> Case:
    """About oneself alone: everybody may, and nobody sees another's."""
    return _case(body, "ok", "ok", "ok", "ok")


def of_group(body: Callable[[Scene], Body]) -> Case:
    """What every member may, and nobody else knows of."""
    return _case(body, "ok", "ok", "not_found", "not_found")


def of_admin(body: Callable[[Scene], Body]) -> Case:
    return _case(body, "ok", "forbidden", "not_found", "not_found")


def of_ana(body: Callable[[Scene], Body], *, herself: str = "invalid_input") -> Case:
    """About Ana as a person: everybody may but Dan, for whom she does not exist."""
    return _case(body, herself, "ok", "not_found", "ok")


def in_group(scene: Scene, **more: Any) -> Body:
    return {"conversationId": str(scene.group_id), **more}


def ana(scene: Scene, **more: Any) -> Body:
    return {"userId": str(scene.ana.user_id), **more}


CASES: dict[str, Case] = {
    # sessions and the password
    "list_sessions": own(lambda scene: {}),
    "revoke_session": _case(
        lambda scene: {"sessionId": str(scene.anas_phone)},
        "ok",
        "not_found",
        "not_found",
        "not_found",
    ),
    "revoke_other_sessions": own(lambda scene: {}),
    "change_password": _case(
        lambda scene: {"currentPassword": "not mine at all", "newPassword": "cormorant tidal 42"},
        *["invalid_input"] * 4,
    ),
    # profiles, settings
    "get_me": own(lambda scene: {}),
    "update_profile": own(lambda scene: {"bio": "hello"}),
    "get_settings": own(lambda scene: {}),
    "update_settings": own(lambda scene: {"theme": "dark"}),
    "get_user": of_ana(ana, herself="ok"),
    "search_users": own(lambda scene: {"query": scene.ana_handle}),
    # friends and blocks
    "list_friends": own(lambda scene: {}),
    "list_friend_requests": own(lambda scene: {}),
    "request_friend": of_ana(ana),
    "accept_friend": _case(ana, "invalid_input", *["not_found"] * 3),
    "decline_friend": _case(ana, "invalid_input", "ok", "ok", "ok"),
    "cancel_friend_request": _case(ana, "invalid_input", "ok", "ok", "ok"),
    "remove_friend": _case(ana, "invalid_input", "ok", "ok", "ok"),
    "list_blocks": own(lambda scene: {}),
    "block_user": of_ana(ana),
    "unblock_user": _case(ana, "invalid_input", "ok", "ok", "ok"),
    # messaging
    "list_conversations": own(lambda scene: {}),
    "get_conversation": of_group(in_group),
    "open_direct": of_ana(ana),
    "create_group": own(
        lambda scene: {
            "name": "Mine",
            "userIds": [str(scene.eve.user_id), str(scene.ben.user_id)],
            "clientId": str(new_id()),
        }
    ),
    "update_conversation": of_admin(lambda scene: in_group(scene, name="Mine now")),
    "list_members": of_group(in_group),
    "add_members": of_admin(lambda scene: in_group(scene, userIds=[str(scene.eve.user_id)])),
    "remove_member": of_admin(lambda scene: in_group(scene, userId=str(scene.ben.user_id))),
    "set_member_role": of_admin(
        lambda scene: in_group(scene, userId=str(scene.ben.user_id), role="admin")
    ),
    "leave_conversation": of_group(in_group),
    "send_message": of_group(lambda scene: in_group(scene, text="hello", clientId=str(new_id()))),
    "list_messages": of_group(in_group),
    "mark_delivered": of_group(lambda scene: in_group(scene, seq=1)),
    "mark_read": of_group(lambda scene: in_group(scene, seq=1)),
    "typing": of_group(in_group),
    # presence
    "watch_presence": own(lambda scene: {"userIds": [str(scene.eve.user_id)]}),
    "set_presence": own(lambda scene: {"state": "online"}),
    "ping": own(lambda scene: {}),
}

SIGNED_OUT = frozenset({"signup", "login", "refresh", "logout"})
"""What those who are not signed in ask; they have tests of their own."""
