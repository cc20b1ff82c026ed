import type { Conversation, Id, Message } from '../../../lib/sdk';

export type SendState = 'waiting' | 'failed' | 'sent' | 'delivered' | 'read';

/** Above this many members who has read is asked for, not told; see docs/protocol.md, `messages_read`. */
const MARKED_MEMBERS_MAX = 50;

/** How far a message of mine has come: delivered or read once it is so for everybody else. */
export function stateOf(message: Message, chat: Conversation, meId: Id): SendState {
  if (chat.membersCount > MARKED_MEMBERS_MAX) return 'sent';
  const others = chat.members.filter((member) => member.user.id !== meId && member.joinedSeq < message.seq);
  if (others.length === 0) return 'sent';
  if (others.every((member) => member.readSeq >= message.seq)) return 'read';
  return others.every((member) => member.deliveredSeq >= message.seq) ? 'delivered' : 'sent';
}
