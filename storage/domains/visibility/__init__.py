"""Who may see whom: the predicate that every find includes, and finding people."""

from storage.domains.visibility.profile import GetUser, Profile, get_user
from storage.domains.visibility.search import SearchUsers, search_users
from storage.domains.visibility.sight import (
    befriended,
    blocked,
    find_users,
    may_message,
    messageable,
    sees,
)

__all__ = [
    "GetUser",
    "Profile",
    "SearchUsers",
    "befriended",
    "blocked",
    "find_users",
    "get_user",
    "may_message",
    "messageable",
    "search_users",
    "sees",
]
