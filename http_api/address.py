"""Whose request it is, for limits and for the list of sessions."""

from __future__ import annotations

import ipaddress

from http_api.exchange import Scope


def client_address(scope: Scope, *, behind_proxy: bool) -> str:
    """The peer's address; behind our own proxy, the one that the proxy saw.

    Only the last element of X-Forwarded-For was written by the proxy, and only a proxy on this
    machine is believed: anything else is what a client says about itself.
    """
    client = scope.get("client")
    peer = str(client[0]) if client else ""
    if not (behind_proxy and _is_loopback(peer)):
        return peer
    for name, value in reversed(scope["headers"]):
        if name == b"x-forwarded-for":
            claimed = value.decode("latin-1").rpartition(",")[2].strip()
            return claimed if _is_address(claimed) else peer
    return peer


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(text: str) -> bool:
    return _is_address(text) and ipaddress.ip_address(text).is_loopback
