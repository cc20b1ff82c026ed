import { expect, it } from 'vitest';
import type { Conversation, Message } from '../../lib/sdk';
import { Users } from '../../lib/state/users.svelte';
import { noteWords, previewWords } from './words';

const users = new Users();
users.learn([{ id: 'ben', handle: 'ben', name: 'Ben' }, { id: 'eve', handle: 'eve', name: 'Eve' }]);

const message = (senderId: string, more: Partial<Message> = {}): Message => ({
  id: 'm', conversationId: 'c', seq: 1, senderId, kind: 'text', text: 'Hi\n  there', note: null, createdAt: '', clientId: null, ...more,
});
const preview = (kind: 'direct' | 'group', senderId: string): string =>
  previewWords({ kind, lastMessage: message(senderId) } as Conversation, users, 'ana');

it('names the author in a group only: between two the ticks say whose it is', () => {
  expect([preview('direct', 'ana'), preview('direct', 'ben')]).toEqual(['Hi there', 'Hi there']);
  expect([preview('group', 'ana'), preview('group', 'ben')]).toEqual(['You: Hi there', 'Ben: Hi there']);
});

it('tells what happened in a group as a sentence, of oneself too', () => {
  const note = (senderId: string, userIds: string[]): string =>
    noteWords(message(senderId, { kind: 'note', note: { type: 'added', userIds, name: null } }), users, 'ana');
  expect(note('ben', ['eve', 'ana'])).toBe('Ben added Eve and you');
  expect(note('ana', ['ben'])).toBe('You added Ben');
});
