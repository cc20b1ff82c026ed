"""Friends and blocks over HTTP."""

from http_api.endpoint import Route
from storage.domains import friends

ROUTES = [
    Route("GET", "/friends", friends.list_friends),
    Route("DELETE", "/friends/{userId}", friends.remove_friend),
    Route("GET", "/friend-requests", friends.list_friend_requests),
    Route("POST", "/friend-requests", friends.request_friend),
    Route("POST", "/friend-requests/{userId}/accept", friends.accept_friend),
    Route("POST", "/friend-requests/{userId}/decline", friends.decline_friend),
    Route("DELETE", "/friend-requests/{userId}", friends.cancel_friend_request),
    Route("GET", "/blocks", friends.list_blocks),
    Route("PUT", "/blocks/{userId}", friends.block_user),
    Route("DELETE", "/blocks/{userId}", friends.unblock_user),
]
