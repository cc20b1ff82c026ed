"""Conversations between people: sending, reading, and who is in them."""

from storage.domains.messaging.conversations import (
    Conversation,
    ConversationAdded,
    ConversationRemoved,
    Member,
)
from storage.domains.messaging.direct import OpenDirect, open_direct
from storage.domains.messaging.groups import (
    AddMembers,
    CreateGroup,
    LeaveConversation,
    RemoveMember,
    SetMemberRole,
    UpdateConversation,
    add_members,
    create_group,
    leave_conversation,
    remove_member,
    set_member_role,
    update_conversation,
)
from storage.domains.messaging.history import ListMessages, MessagePage, list_messages
from storage.domains.messaging.lists import (
    ConversationPage,
    GetConversation,
    ListConversations,
    get_conversation,
    list_conversations,
)
from storage.domains.messaging.marks import (
    DeliveredMark,
    MarkDelivered,
    MarkRead,
    MessagesDelivered,
    MessagesRead,
    ReadMark,
    mark_delivered,
    mark_read,
)
from storage.domains.messaging.members import ListMembers, MemberPage, list_members
from storage.domains.messaging.messages import Message, NewMessage, Note
from storage.domains.messaging.send import SendMessage, Sent, send_message
from storage.domains.messaging.subscriptions import Subscription, subscriptions
from storage.domains.messaging.typing_signal import (
    TYPING,
    Typing,
    find_audience,
    typing,
    typing_body,
)
from storage.domains.messaging.verify import CHECKS

__all__ = [
    "CHECKS",
    "TYPING",
    "AddMembers",
    "Conversation",
    "ConversationAdded",
    "ConversationPage",
    "ConversationRemoved",
    "CreateGroup",
    "DeliveredMark",
    "GetConversation",
    "LeaveConversation",
    "ListConversations",
    "ListMembers",
    "ListMessages",
    "MarkDelivered",
    "MarkRead",
    "Member",
    "MemberPage",
    "Message",
    "MessagePage",
    "MessagesDelivered",
    "MessagesRead",
    "NewMessage",
    "Note",
    "OpenDirect",
    "ReadMark",
    "RemoveMember",
    "SendMessage",
    "Sent",
    "SetMemberRole",
    "Subscription",
    "Typing",
    "UpdateConversation",
    "add_members",
    "create_group",
    "find_audience",
    "get_conversation",
    "leave_conversation",
    "list_conversations",
    "list_members",
    "list_messages",
    "mark_delivered",
    "mark_read",
    "open_direct",
    "remove_member",
    "send_message",
    "set_member_role",
    "subscriptions",
    "typing",
    "typing_body",
    "update_conversation",
]
