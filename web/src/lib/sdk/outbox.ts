import { Backoff } from './backoff';
import { isPassing, RequestError } from './errors';
import { Pauses } from './pauses';
import type { Id, SentMessage, Time } from './types';

/** So often a message may be refused for no reason that passes before its author is asked. */
const TRIES_MAX = 6;
const BACKOFF = { firstMs: 500, mostMs: 20_000 };

export interface OutboxItem {
  clientId: Id;
  conversationId: Id;
  text: string;
  createdAt: Time;
  state: 'waiting' | 'failed';
  /** Why it failed: a code of the protocol. */
  reason: string | null;
}

/** Where unsent messages survive a reload. */
export interface OutboxStore {
  load(): OutboxItem[];
  save(item: OutboxItem): void;
  remove(clientId: Id): void;
}

export interface OutboxOptions {
  store: OutboxStore;
  send: (item: OutboxItem) => Promise<SentMessage>;
  changed: (items: readonly OutboxItem[]) => void;
  sent: (item: OutboxItem, message: SentMessage) => void;
  random?: () => number;
}

/**
 * Messages that are written and not yet acknowledged. Each conversation sends one at a time, so their order holds; a
 * `clientId` makes every repetition answer the first result, so sending again is always safe.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #sending = new Set<Id>();
  readonly #pauses = new Pauses();
  #items: OutboxItem[];
  #closed = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#items = inOrder(options.store.load());
  }

  /** Tells what was restored and begins to send. */
  start(): void {
    this.#options.changed(this.#items);
    for (const id of new Set(this.#items.map((item) => item.conversationId))) void this.#drain(id);
  }

  add(item: OutboxItem): void {
    this.#options.store.save(item);
    this.adopt(item);
  }

  /** Takes over what the store holds already: an item of another tab, which may be gone, or news of one held here too. */
  adopt(item: OutboxItem): void {
    if (this.#closed) return;
    this.#items = inOrder([...this.#items.filter((each) => each.clientId !== item.clientId), item]);
    this.#options.changed(this.#items);
    void this.#drain(item.conversationId);
  }

  /** The link is back: what waited for it goes out now. */
  wake(): void {
    this.#pauses.end();
  }

  retry(clientId: Id): void {
    this.#update(clientId, { state: 'waiting', reason: null });
    const item = this.#items.find((each) => each.clientId === clientId);
    if (item) void this.#drain(item.conversationId);
  }

  /** Takes it out: given up by its author, or seen in a push before its reply came. */
  remove(clientId: Id): void {
    this.#options.store.remove(clientId); // another tab's too: what was seen in a push needs no sending
    if (!this.#items.some((item) => item.clientId === clientId)) return;
    this.#items = this.#items.filter((item) => item.clientId !== clientId);
    this.#options.changed(this.#items);
  }

  /** Stops sending; what is unsent stays in the store. */
  close(): void {
    this.#closed = true;
    this.#pauses.end();
  }

  async #drain(conversationId: Id): Promise<void> {
    if (this.#sending.has(conversationId)) return;
    this.#sending.add(conversationId);
    try {
      for (let item = this.#next(conversationId); item && !this.#closed; item = this.#next(conversationId)) {
        await this.#deliver(item);
      }
    } finally {
      this.#sending.delete(conversationId);
    }
  }

  #next(conversationId: Id): OutboxItem | undefined {
    return this.#items.find((item) => item.conversationId === conversationId && item.state === 'waiting');
  }

  async #deliver(item: OutboxItem): Promise<void> {
    const backoff = new Backoff(BACKOFF, this.#options.random);
    let refusals = 0;
    // It may be given up, or seen in a push, between two tries.
    while (!this.#closed && this.#items.some((each) => each.clientId === item.clientId)) {
      try {
        const message = await this.#options.send(item);
        this.#options.sent(item, message);
        return this.remove(item.clientId);
      } catch (error) {
        const refusal = error instanceof RequestError ? error : new RequestError({ code: 'internal_error' });
        if (refusal.code === 'signed_out') return this.close();
        // Having no link or a server without its database is not the message's fault, and no try.
        if (!isPassing(refusal)) {
          refusals += 1;
          if (!refusal.retry || refusals >= TRIES_MAX) {
            return this.#update(item.clientId, { state: 'failed', reason: refusal.code });
          }
        }
        const askedToWaitMs = (refusal.retryAfterSeconds ?? 0) * 1000;
        await (askedToWaitMs ? pause(askedToWaitMs) : this.#pauses.wait(backoff.nextMs()));
      }
    }
  }

  #update(clientId: Id, change: Partial<OutboxItem>): void {
    this.#items = this.#items.map((item) => {
      if (item.clientId !== clientId) return item;
      const changed = { ...item, ...change };
      this.#options.store.save(changed);
      return changed;
    });
    this.#options.changed(this.#items);
  }
}

/** As they were written. */
const inOrder = (items: readonly OutboxItem[]): OutboxItem[] =>
  [...items].sort((a, b) => (a.createdAt === b.createdAt ? 0 : a.createdAt < b.createdAt ? -1 : 1));

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
