"""Identity over HTTP: signing in and out, sessions, the password."""

from http_api import sign_in_views as views
from http_api.endpoint import Route
from storage.domains import identity

ROUTES = [
    Route(
        "POST",
        "/auth/signup",
        identity.signup,
        status=201,
        limit="auth",
        view=views.enter,
        body=views.SignupBody,
        answers=views.SignedIn,
    ),
    Route(
        "POST",
        "/auth/login",
        identity.login,
        limit="auth",
        view=views.enter,
        body=views.LoginBody,
        answers=views.SignedIn,
    ),
    Route(
        "POST",
        "/auth/refresh",
        identity.refresh,
        view=views.refresh,
        body=views.TokenBody,
        answers=(views.SignedIn, views.SignedOut),
    ),
    Route("POST", "/auth/logout", identity.logout, view=views.log_out, body=views.TokenBody),
    Route("GET", "/sessions", identity.list_sessions),
    Route("DELETE", "/sessions/{sessionId}", identity.revoke_session),
    Route("DELETE", "/sessions", identity.revoke_other_sessions),
    Route("PUT", "/users/me/password", identity.change_password),
]
