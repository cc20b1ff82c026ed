"""Profiles and settings over HTTP."""

from http_api.endpoint import Route
from storage.domains import profiles, visibility

ROUTES = [
    Route("GET", "/users/me", profiles.get_me),
    Route("PATCH", "/users/me", profiles.update_profile),
    Route("GET", "/users/me/settings", profiles.get_settings),
    Route("PATCH", "/users/me/settings", profiles.update_settings),
    Route("GET", "/users/{userId}", visibility.get_user),
    Route("GET", "/users", visibility.search_users),
]
