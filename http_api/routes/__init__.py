"""Everything that can be asked over HTTP: one table for each domain, joined."""

from http_api.endpoint import Route
from http_api.routes import friends, identity, messaging, presence, profiles

ROUTES: list[Route] = [
    *identity.ROUTES,
    *profiles.ROUTES,
    *friends.ROUTES,
    *messaging.ROUTES,
    *presence.ROUTES,
]
