// Every command by its name: what one says, what one hears, and its twin route over HTTP.
import type {
  Conversation,
  Empty,
  FriendRequest,
  Friendship,
  Id,
  Me,
  Member,
  MessagesPage,
  PageBody,
  Presence,
  Profile,
  Role,
  SentMessage,
  SessionInfo,
  Settings,
  UserSummary,
  UsersPage,
} from './types';

type OfUser = { userId: Id };
type OfConversation = { conversationId: Id };

export interface Commands {
  list_sessions: { body: Empty; result: { sessions: SessionInfo[] } };
  revoke_session: { body: { sessionId: Id }; result: Empty };
  revoke_other_sessions: { body: Empty; result: { revoked: number } };
  change_password: { body: { currentPassword: string; newPassword: string }; result: Empty };

  get_me: { body: Empty; result: Me };
  update_profile: {
    body: { name?: string; handle?: string; bio?: string; location?: string; website?: string };
    result: Me;
  };
  get_settings: { body: Empty; result: Settings };
  update_settings: { body: Partial<Settings>; result: Settings };
  get_user: { body: OfUser; result: Profile };
  search_users: { body: { query: string } & PageBody; result: UsersPage };

  list_friends: { body: PageBody; result: UsersPage };
  list_friend_requests: { body: Empty; result: { incoming: FriendRequest[]; outgoing: FriendRequest[] } };
  request_friend: { body: OfUser; result: { friendship: Friendship } };
  accept_friend: { body: OfUser; result: { friendship: Friendship } };
  decline_friend: { body: OfUser; result: { friendship: Friendship } };
  cancel_friend_request: { body: OfUser; result: { friendship: Friendship } };
  remove_friend: { body: OfUser; result: { friendship: Friendship } };
  list_blocks: { body: Empty; result: { users: UserSummary[] } };
  block_user: { body: OfUser; result: { blocked: boolean } };
  unblock_user: { body: OfUser; result: { blocked: boolean } };

  list_conversations: {
    body: PageBody;
    result: {
      conversations: Conversation[];
      users: UserSummary[];
      nextCursor: string | null;
      unreadTotal: number;
      topics: Record<string, number>;
    };
  };
  get_conversation: { body: OfConversation; result: Conversation };
  open_direct: { body: OfUser; result: Conversation };
  create_group: { body: { name: string; userIds: Id[]; clientId: Id }; result: Conversation };
  update_conversation: { body: OfConversation & { name: string }; result: Conversation };
  list_members: { body: OfConversation & PageBody; result: { members: Member[]; nextCursor: string | null } };
  add_members: { body: OfConversation & { userIds: Id[] }; result: Conversation };
  remove_member: { body: OfConversation & OfUser; result: Conversation };
  set_member_role: { body: OfConversation & OfUser & { role: Role }; result: Conversation };
  leave_conversation: { body: OfConversation; result: Empty };
  send_message: {
    body: { conversationId?: Id; to?: Id; text: string; clientId: Id };
    result: SentMessage;
  };
  list_messages: {
    body: OfConversation & { before?: number; after?: number; limit?: number };
    result: MessagesPage;
  };
  mark_delivered: { body: OfConversation & { seq: number }; result: { deliveredSeq: number } };
  mark_read: { body: OfConversation & { seq: number }; result: { readSeq: number; unreadCount: number } };
  typing: { body: OfConversation & { active?: boolean }; result: Empty };

  watch_presence: { body: { userIds: Id[] }; result: { presence: Presence[] } };
  set_presence: { body: { state: 'online' | 'away' }; result: Empty };
  ping: { body: Empty; result: Empty };
}

export type CommandName = keyof Commands;
export type Body<N extends CommandName> = Commands[N]['body'];
export type Result<N extends CommandName> = Commands[N]['result'];
