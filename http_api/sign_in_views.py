"""Signing in over HTTP: what identity answers, the person, and a cookie for browsers."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Annotated, Literal

import msgspec

from http_api.endpoint import Door, Route, command_of
from http_api.envelope import failure, success
from http_api.exchange import Request, Response
from storage.actor import Actor, Visitor
from storage.domains import identity, profiles
from storage.errors import Forbidden, Unauthenticated
from storage.words import Nothing, Words

COOKIE_PATH = "/api/v1/auth"
COOKIE_SECONDS = 30 * 24 * 3600
"""As long as an unused session lives; each refresh begins both anew."""

Cookie = Annotated[
    bool, msgspec.Meta(description="Set the refresh token as an HttpOnly cookie instead")
]
OptionalToken = Annotated[str | None, msgspec.Meta(description="Else the cookie is taken")]


class SignupBody(identity.Signup):
    cookie: Cookie = False


class LoginBody(identity.Login):
    cookie: Cookie = False


class TokenBody(Words):
    refresh_token: OptionalToken = None


class SignedIn(Words):
    access_token: str
    expires_in: Annotated[int, msgspec.Meta(description="Seconds")]
    refresh_token: str | None
    user: profiles.Me
    signed_in: Literal[True] = True


class SignedOut(Words):
    signed_in: Literal[False] = False


async def enter(
    door: Door, route: Route, request: Request, path_values: dict[str, str]
) -> Response:
    """The view of signup and login."""
    body: SignupBody | LoginBody = await command_of(route, request, path_values)
    tokens = await _perform(door, route, request, body)
    return await _signed_in(door, request, tokens, route.status, cookie=body.cookie)


async def refresh(
    door: Door, route: Route, request: Request, path_values: dict[str, str]
) -> Response:
    body: TokenBody = await command_of(route, request, path_values)
    cookie = body.refresh_token is None
    token = _cookie_token(door, request) if body.refresh_token is None else body.refresh_token
    if token is None:
        return success(SignedOut())
    try:
        tokens = await _perform(door, route, request, _with_token(identity.Refresh, token))
    except Unauthenticated as refusal:
        response = failure(refusal)
        if cookie:
            _set_cookie(door, response, "", 0)
        return response
    return await _signed_in(door, request, tokens, route.status, cookie=cookie)


async def log_out(
    door: Door, route: Route, request: Request, path_values: dict[str, str]
) -> Response:
    body: TokenBody = await command_of(route, request, path_values)
    token = _cookie_token(door, request) if body.refresh_token is None else body.refresh_token
    if token is not None:
        await _perform(door, route, request, _with_token(identity.Logout, token))
    response = success(Nothing())
    if body.refresh_token is None:
        _set_cookie(door, response, "", 0)
    return response


async def _perform(door: Door, route: Route, request: Request, command: object) -> identity.Tokens:
    user_agent = request.headers.get("user-agent", "")
    visitor = Visitor(address=request.address, user_agent=user_agent)
    tokens: identity.Tokens = await door.gate.perform(
        route.action, visitor, command, route_class=route.route_class
    )
    return tokens


async def _signed_in(
    door: Door, request: Request, tokens: identity.Tokens, status: int, *, cookie: bool
) -> Response:
    actor = Actor(user_id=tokens.user_id, session_id=tokens.session_id, address=request.address)
    answer = SignedIn(
        access_token=tokens.access_token,
        expires_in=tokens.expires_in,
        refresh_token=None if cookie else tokens.refresh_token,
        user=await door.gate.step(profiles.get_me, actor, Nothing()),
    )
    response = success(answer, status)
    if cookie:
        _set_cookie(door, response, tokens.refresh_token, COOKIE_SECONDS)
    return response


def _with_token(
    command: type[identity.Refresh | identity.Logout], token: str
) -> identity.Refresh | identity.Logout:
    """As strict as if it had come in the body. Raises Unauthenticated for what is no token."""
    try:
        return msgspec.convert({"refreshToken": token}, command)
    except msgspec.ValidationError:
        raise Unauthenticated("refreshToken", "sign in again") from None


# ---- the cookie


def _cookie_token(door: Door, request: Request) -> str | None:
    """The cookie's token. Raises Forbidden when another site's page sent it."""
    token = request.cookie(_cookie_name(door))
    if token and not door.guard.is_own_origin(request):
        raise Forbidden("origin", "a cookie is only taken from this server's own pages")
    return token or None


def _cookie_name(door: Door) -> str:
    """Browsers keep cookies by host, not by port: two servers on one machine must not mix."""
    return f"loopync_refresh_{door.gate.settings.http_port}"


def _set_cookie(door: Door, response: Response, value: str, max_age_seconds: int) -> None:
    name = _cookie_name(door)
    cookie: SimpleCookie = SimpleCookie()
    cookie[name] = value
    cookie[name]["path"] = COOKIE_PATH
    cookie[name]["max-age"] = max_age_seconds
    cookie[name]["samesite"] = "Strict"
    cookie[name]["httponly"] = True
    if door.guard.secure:
        cookie[name]["secure"] = True
    response.headers.append((b"set-cookie", cookie[name].OutputString().encode()))
