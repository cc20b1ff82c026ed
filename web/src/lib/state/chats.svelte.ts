import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { conversationTopic, type Client, type Conversation, type Id, type Member, type Message, type Push } from '../sdk';
import type { Recent } from './recent';
import type { Repairs } from './repairs';
import type { Users } from './users.svelte';

export type Loading = 'loading' | 'ready' | 'error';

const PAGE = 50;

/** The conversations of the person: the list, and what is known of each. */
export class Chats {
  readonly #byId = new SvelteMap<Id, Conversation>();
  /** Asked for and refused: gone, or never ours. */
  readonly missing = new SvelteSet<Id>();
  status = $state<Loading>('loading');
  more = $state<'none' | 'some' | 'loading' | 'error'>('none');
  #cursor: string | null = null;

  readonly list = $derived(
    [...this.#byId.values()].sort((a, b) => (a.lastActivityAt < b.lastActivityAt ? 1 : -1)),
  );
  readonly unreadChats = $derived(this.list.filter((chat) => chat.unreadCount > 0).length);
  readonly unreadTotal = $derived(this.list.reduce((sum, chat) => sum + chat.unreadCount, 0));

  constructor(
    private readonly client: Client,
    private readonly users: Users,
    private readonly recent: Recent,
    private readonly repairs: Repairs,
    private readonly meId: Id,
  ) {}

  get(id: Id): Conversation | undefined {
    return this.#byId.get(id);
  }

  /** The other person of a direct conversation. */
  other(chat: Conversation): Member | undefined {
    return chat.members.find((member) => member.user.id !== this.meId);
  }

  title(chat: Conversation): string {
    if (chat.kind === 'group') return chat.name ?? '';
    const other = this.other(chat);
    return other ? this.users.name(other.user.id) : '';
  }

  directWith(userId: Id): Conversation | undefined {
    return this.list.find((chat) => chat.kind === 'direct' && this.other(chat)?.user.id === userId);
  }

  /** Throws what the server said, which is shown while there is nothing else to show. */
  async load(): Promise<void> {
    try {
      await this.#page();
      this.status = 'ready';
    } catch (error) {
      if (this.status !== 'ready') this.status = 'error';
      throw error;
    }
  }

  async loadMore(): Promise<void> {
    if (!this.#cursor || this.more === 'loading') return;
    this.more = 'loading';
    try {
      await this.#page(this.#cursor);
    } catch {
      this.more = 'error';
    }
  }

  async #page(cursor?: string): Promise<void> {
    const page = await this.client.call('list_conversations', cursor ? { limit: PAGE, cursor } : { limit: PAGE });
    this.users.learn(page.users);
    for (const chat of page.conversations) this.put(chat);
    this.#cursor = page.nextCursor;
    this.more = page.nextCursor ? 'some' : 'none';
  }

  /** Loads one that the list has not reached, or all of it anew. Throws what the server said. */
  async fetch(id: Id): Promise<void> {
    try {
      this.put(await this.client.call('get_conversation', { conversationId: id }));
      this.missing.delete(id);
    } catch (error) {
      if ((error as { code?: string }).code === 'not_found') this.missing.add(id);
      throw error;
    }
  }

  /** Loads it anew, however long that takes. */
  renew(id: Id): void {
    this.repairs.add(`chat ${id}`, () => this.fetch(id));
  }

  /** Takes a snapshot, and then what was heard after it was made. */
  put(chat: Conversation): void {
    this.users.learn(chat.members.map((member) => member.user));
    const known = this.#byId.get(chat.id);
    const news = this.recent.after(conversationTopic(chat.id), chat.topicSeq);
    // Reads are answered in any order: what is known may be newer than what was heard since this snapshot can make it.
    if (known && known.topicSeq > chat.topicSeq + news.length) return this.renew(chat.id);
    // What was read here may not have reached the server yet.
    const readSeq = Math.max(chat.readSeq, known?.readSeq ?? 0);
    const allRead = readSeq > chat.readSeq && readSeq >= chat.lastSeq;
    this.#byId.set(chat.id, { ...chat, readSeq, unreadCount: allRead ? 0 : chat.unreadCount });
    this.missing.delete(chat.id);
    for (const push of news) this.apply(push);
  }

  drop(id: Id): void {
    this.#byId.delete(id);
  }

  read(id: Id, readSeq: number, unreadCount: number): void {
    this.#change(id, (chat) => ({ ...chat, readSeq: Math.max(chat.readSeq, readSeq), unreadCount }));
  }

  /** Takes a push once: one that the snapshot held, or that was taken before, changes nothing. */
  apply(push: Push): void {
    const id = topicConversation(push);
    const chat = id === null ? undefined : this.#byId.get(id);
    if (chat && (push.seq as number) <= chat.topicSeq) return;
    this.#apply(push);
    if (chat) this.#change(chat.id, (now) => ({ ...now, topicSeq: push.seq as number }));
  }

  #apply(push: Push): void {
    switch (push.event) {
      case 'conversation_added':
        return this.put(push.data.conversation);
      case 'conversation_removed':
        return this.drop(push.data.conversationId);
      case 'conversation_updated':
        return this.#change(push.data.conversationId, (chat) => ({ ...chat, name: push.data.name }));
      case 'new_message':
        return this.#heard(push.data);
      case 'messages_read':
        return this.#mark(push.data, 'read');
      case 'messages_delivered':
        return this.#mark(push.data, 'delivered');
      case 'member_added':
        return this.#memberAdded(push.data.conversationId, push.data.member);
      case 'member_removed':
        return this.#change(push.data.conversationId, (chat) => {
          const members = chat.members.filter((member) => member.user.id !== push.data.userId);
          const fewer = members.length < chat.members.length || chat.membersCount > chat.members.length ? 1 : 0;
          return { ...chat, members, membersCount: chat.membersCount - fewer };
        });
      case 'member_updated':
        return this.#change(push.data.conversationId, (chat) => ({
          ...chat,
          role: push.data.userId === this.meId ? push.data.role : chat.role,
          members: chat.members.map((member) =>
            member.user.id === push.data.userId ? { ...member, role: push.data.role } : member,
          ),
        }));
    }
  }

  /** A message of one's own that the server has taken; its push may come before or after. */
  acknowledged(message: Message): void {
    if (this.#byId.has(message.conversationId)) this.#last(message);
    else this.renew(message.conversationId);
  }

  #heard(message: Message): void {
    const known = this.#byId.get(message.conversationId);
    if (!known) return this.renew(message.conversationId);
    this.#last(message);
    // Counted by its own push: an acknowledgement may have overtaken it.
    const unread = message.kind === 'text' && message.senderId !== this.meId && message.seq > known.readSeq;
    if (unread) this.#change(known.id, (chat) => ({ ...chat, unreadCount: chat.unreadCount + 1 }));
  }

  #last(message: Message): void {
    this.#change(message.conversationId, (chat) => {
      if (message.seq <= chat.lastSeq) return chat;
      return { ...chat, lastMessage: message, lastSeq: message.seq, lastActivityAt: message.createdAt };
    });
  }

  #memberAdded(id: Id, added: Member): void {
    this.users.learn([added.user]);
    this.#change(id, (chat) => {
      if (chat.members.some((member) => member.user.id === added.user.id)) return chat;
      return { ...chat, members: [...chat.members, added], membersCount: chat.membersCount + 1 };
    });
  }

  #mark({ conversationId, userId, seq, at }: { conversationId: Id; userId: Id; seq: number; at: string }, what: 'read' | 'delivered'): void {
    const before = this.#byId.get(conversationId);
    this.#change(conversationId, (chat) => ({
      ...chat,
      members: chat.members.map((member) => {
        if (member.user.id !== userId) return member;
        const marked = { ...member };
        if (seq > marked.deliveredSeq) [marked.deliveredSeq, marked.deliveredAt] = [seq, at];
        if (what === 'read' && seq > marked.readSeq) [marked.readSeq, marked.readAt] = [seq, at];
        return marked;
      }),
    }));
    if (!before || what !== 'read' || userId !== this.meId || seq <= before.readSeq) return;
    // Read on another device. The server knows what is left, unless nothing is.
    if (seq >= before.lastSeq) this.read(conversationId, seq, 0);
    else this.renew(conversationId);
  }

  #change(id: Id, change: (chat: Conversation) => Conversation): void {
    const chat = this.#byId.get(id);
    if (chat) this.#byId.set(id, change(chat));
  }
}

/** The conversation whose own topic a push belongs to. */
function topicConversation(push: Push): Id | null {
  if (!('conversationId' in push.data)) return null;
  const id = push.data.conversationId;
  return push.topic === conversationTopic(id) ? id : null;
}
