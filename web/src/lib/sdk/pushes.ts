// What the server says unasked. Lasting pushes carry `topic` and `seq`; typing and presence do not.
import type {
  Conversation,
  Id,
  Me,
  Member,
  Message,
  Presence,
  Role,
  SessionInfo,
  Settings,
  Time,
  UserSummary,
} from './types';

export interface Pushes {
  new_message: Message;
  messages_delivered: { conversationId: Id; userId: Id; seq: number; at: Time };
  messages_read: { conversationId: Id; userId: Id; seq: number; at: Time };
  conversation_added: { conversation: Conversation; fromSeq: number };
  conversation_removed: { conversationId: Id };
  conversation_updated: { conversationId: Id; name: string };
  member_added: { conversationId: Id; member: Member };
  member_removed: { conversationId: Id; userId: Id };
  member_updated: { conversationId: Id; userId: Id; role: Role };
  friend_requested: { user: UserSummary; direction: 'incoming' | 'outgoing'; createdAt: Time };
  friend_request_removed: { userId: Id };
  friend_added: { user: UserSummary };
  friend_removed: { userId: Id };
  user_blocked: { user: UserSummary };
  user_unblocked: { user: UserSummary };
  profile_updated: Me;
  settings_updated: Settings;
  session_added: { session: SessionInfo };
  session_revoked: { sessionId: Id };
  typing: { conversationId: Id; userId: Id; active: boolean };
  presence: Presence;
}

export type PushName = keyof Pushes;

export type Push = {
  [N in PushName]: { event: N; topic?: string; seq?: number; data: Pushes[N] };
}[PushName];

export const conversationTopic = (id: Id): string => `conversation:${id}`;
export const userTopic = (id: Id): string => `user:${id}`;
