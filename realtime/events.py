"""The events that the socket server reads itself, as far as it reads them."""

from __future__ import annotations

import msgspec

from storage.ids import ConversationId, SessionId, UserId


class SessionRevoked(msgspec.Struct, rename="camel"):
    session_id: SessionId


class AddedConversation(msgspec.Struct):
    id: ConversationId


class ConversationAdded(msgspec.Struct, rename="camel"):
    conversation: AddedConversation
    from_seq: int


class ConversationRemoved(msgspec.Struct, rename="camel"):
    conversation_id: ConversationId


class MemberRemoved(msgspec.Struct, rename="camel"):
    user_id: UserId


read_session_revoked = msgspec.json.Decoder(SessionRevoked).decode
read_conversation_added = msgspec.json.Decoder(ConversationAdded).decode
read_conversation_removed = msgspec.json.Decoder(ConversationRemoved).decode
read_member_removed = msgspec.json.Decoder(MemberRemoved).decode
