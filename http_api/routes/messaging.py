"""Messaging over HTTP, for clients that hold no socket."""

from http_api.endpoint import Route
from storage.domains import messaging

ROUTES = [
    Route("GET", "/conversations", messaging.list_conversations),
    Route("POST", "/conversations", messaging.create_group, status=201),
    Route("POST", "/conversations/direct", messaging.open_direct),
    Route("GET", "/conversations/{conversationId}", messaging.get_conversation),
    Route("PATCH", "/conversations/{conversationId}", messaging.update_conversation),
    Route("GET", "/conversations/{conversationId}/members", messaging.list_members),
    Route("POST", "/conversations/{conversationId}/members", messaging.add_members),
    Route("DELETE", "/conversations/{conversationId}/members/{userId}", messaging.remove_member),
    Route("PATCH", "/conversations/{conversationId}/members/{userId}", messaging.set_member_role),
    Route("POST", "/conversations/{conversationId}/leave", messaging.leave_conversation),
    Route("POST", "/messages", messaging.send_message, status=201),
    Route("GET", "/conversations/{conversationId}/messages", messaging.list_messages),
    Route("PUT", "/conversations/{conversationId}/delivered", messaging.mark_delivered),
    Route("PUT", "/conversations/{conversationId}/read", messaging.mark_read),
    Route("POST", "/conversations/{conversationId}/typing", messaging.typing),
]
