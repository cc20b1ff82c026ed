import { conversationTopic, mayDoLater, type Client, type Id, type Message, type MessagesPage } from '../sdk';
import type { Recent } from './recent';
import type { Repairs } from './repairs';
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
  /** Counts the times that more was missed than is replayed; who looks at the end then opens it anew. */
  behind = $state(0);
  #load = 0;

  constructor(
    private readonly client: Client,
    private readonly users: Users,
    private readonly recent: Recent,
    private readonly repairs: Repairs,
    readonly conversationId: Id,
  ) {}

  /** The stretch around the first unread message, or the newest one when `readSeq` is null. Goes on trying when there is no link. */
  async open(readSeq: number | null): Promise<void> {
    this.status = 'loading';
    try {
      await this.#open(readSeq);
    } catch (error) {
      if (mayDoLater(error)) this.repairs.add(`thread ${this.conversationId}`, () => this.#reopen(readSeq));
    }
  }

  async #reopen(readSeq: number | null): Promise<void> {
    if (this.status === 'error') await this.#open(readSeq);
  }

  async #open(readSeq: number | null): Promise<void> {
    const load = (this.#load += 1);
    this.older = this.newer = 'idle';
    try {
      const after = readSeq === null ? {} : { after: Math.max(0, readSeq - CONTEXT) };
      const page = await this.#page(after);
      if (load !== this.#load) return;
      this.messages = page.messages;
      this.hasBefore = page.hasBefore;
      this.hasAfter = page.hasAfter;
      this.replaced += 1;
      this.status = 'ready';
      this.#join(page.topicSeq);
    } catch (error) {
      if (load !== this.#load) return;
      this.status = 'error';
      // Pushes pass it by from now on, so what it holds is shown no longer: the screen says that it could not be loaded.
      if (!mayDoLater(error)) this.messages = [];
      throw error;
    }
  }

  /** Puts behind a page what was heard since it was read. */
  #join(topicSeq: number): void {
    for (const push of this.recent.after(conversationTopic(this.conversationId), topicSeq)) {
      if (this.hasAfter) return;
      if (push.event !== 'new_message') continue;
      const last = this.messages.at(-1);
      // More came than is kept: what is between is loaded.
      if (last && push.data.seq > last.seq + 1) this.hasAfter = true;
      else this.took(push.data);
    }
  }

  /**
   * More was missed than is replayed: the stretch ends where it has its first hole, and `loadNewer` goes on from there.
   * What is read far up stays as it is.
   */
  fallBehind(): void {
    if (this.status !== 'ready') return; // what is under way is asked for anew on each link
    const hole = this.messages.findIndex((message, at) => at > 0 && message.seq !== (this.messages[at - 1] as Message).seq + 1);
    if (hole > 0) this.messages = this.messages.slice(0, hole);
    this.hasAfter = true;
    this.behind += 1;
  }

  /** The link is back: what could not be loaded is tried again. */
  resume(): void {
    if (this.older === 'error') void this.loadOlder();
    if (this.newer === 'error') void this.loadNewer();
  }

  async loadOlder(): Promise<void> {
    const first = this.messages[0];
    if (this.status !== 'ready' || !this.hasBefore || this.older === 'loading' || !first) return;
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
    if (this.status !== 'ready' || !this.hasAfter || this.newer === 'loading' || !last) return;
    const load = this.#load;
    this.newer = 'loading';
    try {
      const page = await this.#page({ after: last.seq });
      if (load !== this.#load) return;
      this.messages = [...this.messages, ...page.messages];
      this.hasAfter = page.hasAfter;
      this.newer = 'idle';
      this.#join(page.topicSeq);
    } catch {
      if (load === this.#load) this.newer = 'error';
    }
  }

  /**
   * A new message. While the stretch ends in the past it is left for `loadNewer`; so it is when others are missing before
   * it, unless it is the acknowledgement of one's own, which may overtake the pushes of those.
   */
  took(message: Message, acknowledged = false): void {
    if (this.status !== 'ready' || this.hasAfter) return;
    let at = this.messages.length;
    while (at > 0 && (this.messages[at - 1] as Message).seq > message.seq) at -= 1;
    const before = this.messages[at - 1];
    if (before?.seq === message.seq) return;
    if (before && before.seq + 1 < message.seq && !acknowledged) {
      this.messages = this.messages.slice(0, at);
      this.hasAfter = true;
      void this.loadNewer();
      return;
    }
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
    private readonly repairs: Repairs,
  ) {}

  get(conversationId: Id): Thread {
    const known = this.#threads.get(conversationId);
    const thread = known ?? new Thread(this.client, this.users, this.recent, this.repairs, conversationId);
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

  resume(): void {
    for (const thread of this.#threads.values()) thread.resume();
  }

  drop(conversationId: Id): void {
    this.#threads.delete(conversationId);
  }
}
