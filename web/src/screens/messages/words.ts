import { listed, t } from '../../lib/i18n';
import type { Conversation, Id, Message } from '../../lib/sdk';
import type { Users } from '../../lib/state/users.svelte';

/** What happened in a group, as a sentence. */
export function noteWords(message: Message, users: Users, meId: Id): string {
  const note = message.note;
  if (!note) return '';
  const mine = message.senderId === meId;
  const people = listed(note.userIds.map((id) => (id === meId ? t('note.you') : users.name(id))));
  return t(`note.${note.type}${mine ? 'ByMe' : ''}`, { name: users.name(message.senderId), people, group: note.name ?? '' });
}

/** The line under a chat's name in the list. */
export function previewWords(chat: Conversation, users: Users, meId: Id): string {
  const message = chat.lastMessage;
  if (!message) return t('chats.nothingYet');
  if (message.kind === 'note') return noteWords(message, users, meId);
  const text = message.text.replace(/\s+/g, ' ');
  if (chat.kind === 'direct') return text; // the ticks say whose it is
  return message.senderId === meId ? t('chats.you', { text }) : t('chats.from', { name: users.name(message.senderId), text });
}

export function typingWords(typing: readonly Id[], users: Users): string {
  const [first, second] = typing;
  if (!first) return '';
  if (!second) return t('thread.typingOne', { name: users.name(first) });
  if (typing.length === 2) return t('thread.typingTwo', { first: users.name(first), second: users.name(second) });
  return t('thread.typingMany', { count: typing.length });
}
