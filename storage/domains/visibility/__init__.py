"""Who may see whom: the predicate that every find includes, and finding people."""

from storage.domains.visibility.profile import GetUser, Profile, get_user
from storage.domains.visibility.search import SearchUsers, search_users
from storage.domains.visibility.sight import find_users, may_message, sees

__all__ = [
    "GetUser",
    "Profile",
    "SearchUsers",
    "find_users",
    "get_user",
    "may_message",
    "search_users",
    "sees",
]
