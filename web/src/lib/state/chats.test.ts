import { describe, expect, it, vi, type Mock } from 'vitest';
import { RequestError, type Client, type Conversation, type Member, type Message, type Push } from '../sdk';
import { Chats } from './chats.svelte';
import { Recent } from './recent';
import { Repairs } from './repairs';
import { Thread } from './threads.svelte';
import { Users } from './users.svelte';

const ANA = { id: 'ana', handle: 'ana', name: 'Ana' };
const BEN = { id: 'ben', handle: 'ben', name: 'Ben' };
const at = '2026-01-01T00:00:00Z';

const member = (user: typeof ANA): Member => ({ user, role: 'member', joinedAt: at, joinedSeq: 0, readSeq: 0, readAt: null, deliveredSeq: 0, deliveredAt: null });

function chat(more: Partial<Conversation> = {}): Conversation {
  return {
    id: 'c', kind: 'group', name: 'Hike', createdAt: at, createdBy: 'ben', members: [member(ANA), member(BEN)], membersCount: 2,
    lastMessage: null, lastSeq: 0, joinedSeq: 0, readSeq: 0, deliveredSeq: 0, unreadCount: 0, role: 'member', mayMessage: true,
    lastActivityAt: at, topicSeq: 0, ...more,
  };
}

const message = (seq: number, senderId = 'ben'): Message => ({
  id: `m${seq}`, conversationId: 'c', seq, senderId, kind: 'text', text: '', note: null, createdAt: at, clientId: null,
});

const push = (seq: number, event: string, data: unknown): Push => ({ event, topic: 'conversation:c', seq, data }) as Push;

function world(answers: Record<string, unknown> = {}): { chats: Chats; recent: Recent; client: Client; call: Mock } {
  const recent = new Recent();
  const call = vi.fn((name: string) => Promise.resolve(answers[name]));
  const client = { call } as unknown as Client;
  return { call, chats: new Chats(client, new Users(), recent, new Repairs(), ANA.id), recent, client };
}

describe("Ana's list of chats", () => {
  it('counts each unread message once, however often it is heard of', () => {
    const { chats } = world();
    chats.put(chat());
    for (const seq of [1, 1, 2, 1, 2]) chats.apply(push(seq, 'new_message', message(seq)));
    expect(chats.get('c')?.unreadCount).toBe(2);
  });

  it('counts neither her own messages nor those of before her mark', () => {
    const { chats } = world();
    chats.put(chat({ readSeq: 1 }));
    chats.apply(push(1, 'new_message', message(1)));
    chats.apply(push(2, 'new_message', message(2, 'ana')));
    expect(chats.get('c')?.unreadCount).toBe(0);
  });

  it('applies to a snapshot what was heard before it came but happened after it was made', () => {
    const { chats, recent } = world();
    recent.note(push(4, 'conversation_updated', { conversationId: 'c', name: 'Old news' }));
    recent.note(push(6, 'conversation_updated', { conversationId: 'c', name: 'Sunday hike' }));
    chats.put(chat({ topicSeq: 5, name: 'Saturday hike' }));
    expect(chats.get('c')?.name).toBe('Sunday hike');
  });

  it('counts a message that the acknowledgement of her own has overtaken', () => {
    const { chats } = world();
    chats.put(chat());
    chats.acknowledged(message(2, 'ana'));
    chats.apply(push(1, 'new_message', message(1)));
    expect(chats.get('c')).toMatchObject({ unreadCount: 1, lastSeq: 2 });
  });

  it('takes from a replay nothing that the snapshot held already', () => {
    const { chats } = world();
    chats.put(chat({ topicSeq: 5, name: 'New name', unreadCount: 3, lastSeq: 3, membersCount: 60 }));
    chats.apply(push(3, 'conversation_updated', { conversationId: 'c', name: 'Old name' }));
    chats.apply(push(4, 'member_added', { conversationId: 'c', member: member({ id: 'eve', handle: 'eve', name: 'Eve' }) }));
    chats.apply(push(5, 'new_message', message(3)));
    expect(chats.get('c')).toMatchObject({ name: 'New name', unreadCount: 3, membersCount: 60 });
  });

  it('does not go back to a snapshot that was read earlier and came later', async () => {
    const { chats } = world({ get_conversation: chat({ topicSeq: 9, name: 'Newest' }) });
    chats.put(chat({ topicSeq: 8, name: 'Newer' }));
    chats.put(chat({ topicSeq: 5, name: 'Older' }));
    expect(chats.get('c')?.name).toBe('Newer');
    await vi.waitFor(() => expect(chats.get('c')?.name).toBe('Newest'));
  });

  it('keeps clear the badge of what was read here and not told yet', () => {
    const { chats } = world();
    chats.put(chat({ lastSeq: 3, unreadCount: 3 }));
    chats.read('c', 3, 0);
    chats.put(chat({ lastSeq: 3, unreadCount: 3, topicSeq: 4 }));
    expect(chats.get('c')).toMatchObject({ unreadCount: 0, readSeq: 3 });
  });

  it('asks once for a conversation it does not know, however many messages of it are replayed', async () => {
    const { chats, recent, call } = world({ get_conversation: chat({ topicSeq: 900, lastSeq: 900, unreadCount: 900 }) });
    for (let seq = 1; seq <= 900; seq += 1) {
      recent.note(push(seq, 'new_message', message(seq)));
      chats.apply(push(seq, 'new_message', message(seq)));
    }
    await vi.waitFor(() => expect(chats.get('c')?.unreadCount).toBe(900));
    expect(call.mock.calls.length).toBeLessThanOrEqual(2);
  });

  it('clears the badge when she has read on another device', () => {
    const { chats } = world();
    chats.put(chat({ lastSeq: 3, unreadCount: 3 }));
    chats.apply(push(4, 'messages_read', { conversationId: 'c', userId: 'ana', seq: 3, at }));
    expect(chats.get('c')).toMatchObject({ unreadCount: 0, readSeq: 3 });
  });

  it('moves marks only forward, and takes read for delivered', () => {
    const { chats } = world();
    chats.put(chat());
    chats.apply(push(1, 'messages_read', { conversationId: 'c', userId: 'ben', seq: 5, at }));
    chats.apply(push(2, 'messages_read', { conversationId: 'c', userId: 'ben', seq: 3, at }));
    expect(chats.other(chats.get('c') as Conversation)).toMatchObject({ readSeq: 5, deliveredSeq: 5 });
  });

  it('adds and removes a member once', () => {
    const { chats } = world();
    chats.put(chat({ members: [member(ANA)], membersCount: 1 }));
    for (const seq of [1, 2]) chats.apply(push(seq, 'member_added', { conversationId: 'c', member: member(BEN) }));
    expect(chats.get('c')?.membersCount).toBe(2);
    for (const seq of [3, 4]) chats.apply(push(seq, 'member_removed', { conversationId: 'c', userId: 'ben' }));
    expect(chats.get('c')).toMatchObject({ membersCount: 1, members: [member(ANA)] });
  });
});

describe('a thread', () => {
  const page = { messages: [message(1), message(2)], users: [BEN], hasBefore: false, hasAfter: false, lastSeq: 2, topicSeq: 2 };
  const seqs = (thread: Thread): number[] => thread.messages.map((each) => each.seq);

  it('takes a message that came while it was loading', async () => {
    const { client, recent } = world({ list_messages: page });
    const thread = new Thread(client, new Users(), recent, new Repairs(), 'c');
    const loading = thread.open(null);
    recent.note(push(3, 'new_message', message(3)));
    thread.took(message(3));
    await loading;
    expect(seqs(thread)).toEqual([1, 2, 3]);
  });

  it('puts in order what an acknowledgement overtook, and takes nothing twice', async () => {
    const { client, recent } = world({ list_messages: page });
    const thread = new Thread(client, new Users(), recent, new Repairs(), 'c');
    await thread.open(null);
    thread.took(message(4), true);
    for (const seq of [3, 4]) thread.took(message(seq));
    expect(seqs(thread)).toEqual([1, 2, 3, 4]);
  });

  it('names also those who have left the conversation', async () => {
    const { client, recent } = world({ list_messages: { ...page, users: [BEN, { id: 'eve', handle: 'eve', name: 'Eve' }] } });
    const users = new Users();
    await new Thread(client, users, recent, new Repairs(), 'c').open(null);
    expect(users.name('eve')).toBe('Eve');
  });

  it('leaves no hole when more came while it was loading than is kept', async () => {
    const { client, recent } = world({ list_messages: page });
    const thread = new Thread(client, new Users(), recent, new Repairs(), 'c');
    const loading = thread.open(null);
    for (let seq = 3; seq <= 1_100; seq += 1) recent.note(push(seq, 'new_message', message(seq)));
    await loading;
    expect([seqs(thread), thread.hasAfter]).toEqual([[1, 2], true]);
  });

  it('loads what is missing before a message, and an acknowledgement that stood behind the hole with it', async () => {
    const answers: Record<string, unknown> = { list_messages: page };
    const { client, recent } = world(answers);
    const thread = new Thread(client, new Users(), recent, new Repairs(), 'c');
    await thread.open(null);
    thread.took(message(9, 'ana'), true);
    answers.list_messages = { ...page, messages: [3, 4, 5, 6, 7, 8, 9].map((seq) => message(seq)), topicSeq: 9 };
    thread.took(message(8)); // those before it went by while the page was on its way
    expect([seqs(thread), thread.hasAfter]).toEqual([[1, 2], true]);
    await vi.waitFor(() => expect(thread.hasAfter).toBe(false));
    expect(seqs(thread)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('goes on from its first hole when more was missed than is replayed', async () => {
    const answers: Record<string, unknown> = { list_messages: page };
    const { client, recent } = world(answers);
    const thread = new Thread(client, new Users(), recent, new Repairs(), 'c');
    await thread.open(null);
    thread.took(message(5), true); // her own: its answer came before the resync
    thread.fallBehind();
    expect([seqs(thread), thread.hasAfter, thread.behind]).toEqual([[1, 2], true, 1]);
    answers.list_messages = { ...page, messages: [message(3), message(4), message(5)], topicSeq: 5 };
    await thread.loadNewer();
    expect([seqs(thread), thread.hasAfter]).toEqual([[1, 2, 3, 4, 5], false]);
  });

  it('is loaded in the end, whatever stood in the way', async () => {
    vi.useFakeTimers();
    const { client, recent, call } = world({ list_messages: page });
    for (let time = 0; time < 5; time += 1) call.mockRejectedValueOnce(new RequestError({ code: 'unavailable', retry: true }));
    const thread = new Thread(client, new Users(), recent, new Repairs(), 'c');
    await thread.open(null);
    expect(thread.status).toBe('error');
    await vi.advanceTimersByTimeAsync(60_000);
    expect([thread.status, seqs(thread)]).toEqual(['ready', [1, 2]]);
    vi.useRealTimers();
  });

  it('shows nothing old that pushes pass by, once opening it anew is refused for good', async () => {
    const { client, recent, call } = world({ list_messages: page });
    const thread = new Thread(client, new Users(), recent, new Repairs(), 'c');
    await thread.open(null);
    call.mockRejectedValueOnce(new RequestError({ code: 'internal_error' }));
    await thread.open(null);
    expect([thread.status, seqs(thread)]).toEqual(['error', []]);
    await thread.open(null);
    expect([thread.status, seqs(thread)]).toEqual(['ready', [1, 2]]);
  });

  it('joins nothing of the old stretch to the new one while it is opened anew', async () => {
    const answers: Record<string, unknown> = { list_messages: { ...page, hasBefore: true, hasAfter: true } };
    const { client, recent, call } = world(answers);
    const thread = new Thread(client, new Users(), recent, new Repairs(), 'c');
    await thread.open(0);
    answers.list_messages = { ...page, messages: [message(90)] };
    call.mockClear();
    await Promise.all([thread.open(null), thread.loadNewer(), thread.loadOlder()]);
    expect([seqs(thread), call.mock.calls.length]).toEqual([[90], 1]);
  });

  it('that ends in the past leaves no hole for a new message', async () => {
    const { client, recent } = world({ list_messages: { ...page, hasAfter: true } });
    const thread = new Thread(client, new Users(), recent, new Repairs(), 'c');
    await thread.open(0);
    thread.took(message(90));
    expect(seqs(thread)).toEqual([1, 2]);
  });
});
