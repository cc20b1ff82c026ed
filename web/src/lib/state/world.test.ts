// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RequestError, type Client, type CommandName, type Conversation, type Me, type Message, type Push } from '../sdk';
import { World } from './world.svelte';

vi.mock('./theme.svelte', () => ({ themeChoice: { use: () => undefined } }));

const ANA = { id: 'ana', handle: 'ana', name: 'Ana' };
const BEN = { id: 'ben', handle: 'ben', name: 'Ben' };
const at = '2026-01-01T00:00:00Z';
const me = { ...ANA, settings: { theme: 'dark', language: 'en' } } as unknown as Me;

const chat = (id: string, more: Partial<Conversation> = {}): Conversation => ({
  id, kind: 'direct', name: null, createdAt: at, createdBy: 'ana', members: [], membersCount: 2, lastMessage: null, lastSeq: 0, joinedSeq: 0,
  readSeq: 0, deliveredSeq: 0, unreadCount: 0, role: 'member', mayMessage: true, lastActivityAt: at, topicSeq: 0, ...more,
});

const message = (seq: number): Message => ({
  id: `m${seq}`, conversationId: 'c', seq, senderId: 'ben', kind: 'text', text: 'Hi', note: null, createdAt: at, clientId: null,
});

/** A server whose answers wait for `deliver`, in the order they were asked for. */
class Server {
  asked: CommandName[] = [];
  refusals = 0;
  readonly answers: Partial<Record<CommandName, unknown>> = {
    list_conversations: { conversations: [chat('c')], users: [BEN], nextCursor: null, unreadTotal: 0, topics: {} },
    list_friends: { users: [], nextCursor: null },
    list_friend_requests: { incoming: [], outgoing: [] },
    list_blocks: { users: [BEN] },
    list_messages: { messages: [message(1)], users: [BEN], hasBefore: false, hasAfter: false, lastSeq: 1, topicSeq: 1 },
    get_conversation: chat('c', { name: 'Anew', topicSeq: 5 }),
  };
  readonly client = {
    call: (name: CommandName) => {
      this.asked.push(name);
      if (this.refusals > 0) {
        this.refusals -= 1;
        return Promise.reject(new RequestError({ code: 'unavailable', retry: true }));
      }
      return name in this.answers ? Promise.resolve(this.answers[name]) : new Promise(() => undefined);
    },
  } as unknown as Client;
}

const settled = (): Promise<void> => vi.waitFor(() => undefined);

describe("Ana's world", () => {
  let server: Server;
  let world: World;

  beforeEach(async () => {
    server = new Server();
    world = new World(server.client, me);
    world.caughtUp();
    await vi.waitFor(() => expect(world.chats.status).toBe('ready'));
    await vi.waitFor(() => expect(world.people.blocksStatus).toBe('ready'));
  });

  it('knows after the first load whom she has blocked, and who wrote last', () => {
    expect(world.people.blocked).toEqual([BEN]);
    expect(world.users.name('ben')).toBe('Ben');
  });

  it('loads nothing anew after a link that came back: what was missed has been delivered', async () => {
    server.asked = [];
    world.linkChanged(false);
    world.linkChanged(true);
    expect(world.current).toBe(false);
    world.caughtUp();
    await settled();
    expect([world.current, world.updating, server.asked]).toEqual([true, false, []]);
  });

  it('says that it is updating while too much was missed, and keeps what it shows', async () => {
    world.resync('user:ana');
    expect([world.updating, world.chats.status, world.chats.list.length]).toEqual([true, 'ready', 1]);
    expect(server.asked).toContain('get_me');
    await vi.waitFor(() => expect(world.updating).toBe(false));
  });

  it('loads anew the conversation of which too much was missed, and leaves its thread to who looks at it', async () => {
    await world.threads.get('c').open(null);
    server.asked = [];
    world.resync('conversation:c');
    await vi.waitFor(() => expect(world.chats.get('c')?.name).toBe('Anew'));
    expect(server.asked).toEqual(['get_conversation']);
    expect(world.threads.get('c').hasAfter).toBe(true);
  });

  it('loads in the end what too much was missed of, through refusals and lost links', async () => {
    vi.useFakeTimers();
    server.refusals = 9;
    world.resync('conversation:c');
    world.resync('user:ana');
    world.linkChanged(false);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(world.chats.get('c')?.name).toBe('Anew');
    expect(server.refusals).toBe(0);
    vi.useRealTimers();
  });

  it('closes what it finds gone on catching up', () => {
    world.caughtUp(['conversation:c']);
    expect(world.chats.get('c')).toBeUndefined();
  });

  it('forgets the conversation she has left, thread and all', async () => {
    await world.threads.get('c').open(null);
    world.pushed({ event: 'conversation_removed', topic: 'user:ana', seq: 2, data: { conversationId: 'c' } } as Push);
    expect([world.chats.get('c'), world.threads.opened('c')]).toEqual([undefined, undefined]);
  });

  it('ends "is typing" with the message', () => {
    world.pushed({ event: 'typing', data: { conversationId: 'c', userId: 'ben', active: true } } as Push);
    expect(world.typing.in('c')).toEqual(['ben']);
    world.pushed({ event: 'new_message', topic: 'conversation:c', seq: 2, data: message(1) } as Push);
    expect(world.typing.in('c')).toEqual([]);
  });
});
