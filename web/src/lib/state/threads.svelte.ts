import { conversationTopic, type Client, type Id, type Message, type MessagesPage } from '../sdk';
import type { Recent } from './recent';
import type { Users } from './users.svelte';

const PAGE = 50;
/** Messages shown above the first unread one, so that one sees what it answers. */
const CONTEXT = 15;

export type Edge = 'idle' | 'loading' | 'error';

/** One contiguous stretch of a conversation's messages, ascending by `seq`. */
export class Thread {
  messages = $state.raw<readonly Message[]>([]);
  status = $state<'loading' | 'ready' | 'error'>('loading');
  hasBefore = $state(false);
  hasAfter = $state(false);
  older = $state<Edge>('idle');
  newer = $state<Edge>('idle');
  /** Counts the times the stretch was replaced as a whole, for views that keep a position in it. */
  replaced = $state(0);
  #load = 0;

  constructor(
    private readonly client: Client,
    private readonly users: Users,
    private readonly recent: Recent,
    readonly conversationId: Id,
  ) {}

  /** The stretch around the first unread message, or the newest one when `readSeq` is null. */
  async open(readSeq: number | null): Promise<void> {
    const load = (this.#load += 1);
    this.status = 'loading';
    try {
      const after = readSeq === null ? {} : { after: Math.max(0, readSeq - CONTEXT) };
      const page = await this.#page(after);
      if (load !== this.#load) return;
      this.messages = page.messages;
      this.hasBefore = page.hasBefore;
      this.hasAfter = page.hasAfter;
      this.older = this.newer = 'idle';
      this.replaced += 1;
      this.status = 'ready';
      for (const push of this.recent.after(conversationTopic(this.conversationId), page.topicSeq)) {
        if (push.event === 'new_message') this.took(push.data);
      }
    } catch {
      if (load === this.#load) this.status = 'error';
    }
  }

  async loadOlder(): Promise<void> {
    const first = this.messages[0];
    if (!this.hasBefore || this.older === 'loading' || !first) return;
    const load = this.#load;
    this.older = 'loading';
    try {
      const page = await this.#page({ before: first.seq });
      if (load !== this.#load) return;
      this.messages = [...page.messages, ...this.messages];
      this.hasBefore = page.hasBefore;
      this.older = 'idle';
    } catch {
      if (load === this.#load) this.older = 'error';
    }
  }

  async loadNewer(): Promise<void> {
    const last = this.messages.at(-1);
    if (!this.hasAfter || this.newer === 'loading' || !last) return;
    const load = this.#load;
    this.newer = 'loading';
    try {
      const page = await this.#page({ after: last.seq });
      if (load !== this.#load) return;
      this.messages = [...this.messages, ...page.messages];
      this.hasAfter = page.hasAfter;
      this.newer = 'idle';
      if (!this.hasAfter) {
        for (const push of this.recent.after(conversationTopic(this.conversationId), page.topicSeq)) {
          if (push.event === 'new_message') this.took(push.data);
        }
      }
    } catch {
      if (load === this.#load) this.newer = 'error';
    }
  }

  /** A new message. While the stretch ends in the past it is left for `loadNewer`. */
  took(message: Message): void {
    if (this.status !== 'ready' || this.hasAfter) return;
    // An acknowledgement may overtake the push of an earlier message, so the place is looked for.
    let at = this.messages.length;
    while (at > 0 && (this.messages[at - 1] as Message).seq > message.seq) at -= 1;
    if (this.messages[at - 1]?.seq === message.seq) return;
    this.messages = [...this.messages.slice(0, at), message, ...this.messages.slice(at)];
  }

  async #page(from: { before?: number; after?: number }): Promise<MessagesPage> {
    const page = await this.client.call('list_messages', { conversationId: this.conversationId, limit: PAGE, ...from });
    this.users.learn(page.users);
    return page;
  }
}

const THREADS_MAX = 20;

/** The threads looked at lately, so that going back to one is instant. */
export class Threads {
  readonly #threads = new Map<Id, Thread>();

  constructor(
    private readonly client: Client,
    private readonly users: Users,
    private readonly recent: Recent,
  ) {}

  get(conversationId: Id): Thread {
    const thread = this.#threads.get(conversationId) ?? new Thread(this.client, this.users, this.recent, conversationId);
    // A Map keeps the order of insertion: the one used last goes to the end.
    this.#threads.delete(conversationId);
    this.#threads.set(conversationId, thread);
    const oldest = this.#threads.keys().next().value;
    if (this.#threads.size > THREADS_MAX && oldest !== undefined) this.#threads.delete(oldest);
    return thread;
  }

  opened(conversationId: Id): Thread | undefined {
    return this.#threads.get(conversationId);
  }

  drop(conversationId: Id): void {
    this.#threads.delete(conversationId);
  }
}
