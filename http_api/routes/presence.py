"""Presence over HTTP: the states of the moment, and that one was active."""

from http_api.endpoint import Route
from storage.domains import presence

ROUTES = [
    Route("GET", "/presence", presence.watch_presence),
    Route("PUT", "/presence", presence.set_presence),
]
