// The words of docs/protocol.md. Ids are UUIDv7 strings, times ISO 8601 in UTC.

export type Id = string;
export type Time = string;
export type Empty = Record<string, never>;

export interface UserSummary {
  id: Id;
  handle: string;
  name: string;
}

export type Friendship = 'self' | 'none' | 'requested' | 'incoming' | 'friends';

export interface Profile extends UserSummary {
  bio: string | null;
  location: string | null;
  website: string | null;
  createdAt: Time;
  friendship: Friendship;
  blocked: boolean;
  mayMessage: boolean;
  mutualFriends: number | null;
}

export interface Settings {
  messagesFrom: 'everyone' | 'friends';
  presenceTo: 'contacts' | 'friends' | 'nobody';
  profileVisibility: 'public' | 'friends' | 'private';
  theme: 'system' | 'light' | 'dark';
  language: 'en' | 'de';
}

export interface Me extends UserSummary {
  bio: string | null;
  location: string | null;
  website: string | null;
  createdAt: Time;
  email: string;
  role: string;
  settings: Settings;
  topicSeq?: number;
}

export interface SessionInfo {
  id: Id;
  current: boolean;
  device: string;
  address: string;
  createdAt: Time;
  lastUsedAt: Time;
}

export type Role = 'admin' | 'member';

export interface Member {
  user: UserSummary;
  role: Role;
  joinedAt: Time;
  joinedSeq: number;
  readSeq: number;
  readAt: Time | null;
  deliveredSeq: number;
  deliveredAt: Time | null;
}

export interface Note {
  type: 'created' | 'added' | 'removed' | 'left' | 'renamed' | 'promoted' | 'demoted';
  userIds: Id[];
  name: string | null;
}

export interface Message {
  id: Id;
  conversationId: Id;
  seq: number;
  senderId: Id;
  kind: 'text' | 'note';
  text: string;
  note: Note | null;
  createdAt: Time;
  clientId: Id | null;
}

export interface Conversation {
  id: Id;
  kind: 'direct' | 'group';
  name: string | null;
  createdAt: Time;
  createdBy: Id;
  members: Member[];
  membersCount: number;
  lastMessage: Message | null;
  lastSeq: number;
  joinedSeq: number;
  readSeq: number;
  deliveredSeq: number;
  unreadCount: number;
  role: Role;
  mayMessage: boolean;
  lastActivityAt: Time;
  topicSeq: number;
}

export type PresenceState = 'online' | 'away' | 'offline';

export interface Presence {
  userId: Id;
  state: PresenceState;
  lastActiveAt: Time | null;
}

export interface FriendRequest {
  user: UserSummary;
  createdAt: Time;
}

export interface SignedIn {
  signedIn?: true;
  accessToken: string;
  expiresIn: number;
  refreshToken: string | null;
  user: Me;
}

export interface Config {
  wsPort: number;
  wsPath: string;
  wsUrl: string | null;
  demo: boolean;
  version: string;
}

export interface PageBody {
  limit?: number;
  cursor?: string;
}

export interface UsersPage {
  users: UserSummary[];
  nextCursor: string | null;
}

export interface SentMessage {
  id: Id;
  conversationId: Id;
  seq: number;
  createdAt: Time;
}

export interface MessagesPage {
  messages: Message[];
  /** Everybody whom the messages name, also who has left. */
  users: UserSummary[];
  hasBefore: boolean;
  hasAfter: boolean;
  lastSeq: number;
  topicSeq: number;
}
