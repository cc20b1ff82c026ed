import { SvelteMap } from 'svelte/reactivity';
import { newClientId, Outbox, RequestError, type Client, type Id, type Message, type OutboxItem, type OutboxStore } from '../sdk';
import { keep, kept, keptKeys, unkeep } from './storage';

/** A message that another tab has not got rid of after this long is sent by this one too: that tab may be gone. */
const ADOPT_MS = 3_000;

/**
 * One key for each message, so that two tabs never overwrite each other. `unkept` holds the `clientId` of each that there
 * was no room for, and that a reload would lose.
 */
function outboxStore(prefix: string, unkept: Set<Id>): OutboxStore {
  return {
    load: () => keptKeys(prefix).flatMap((key) => parse(kept(key))),
    save: (item) => {
      const key = prefix + item.clientId;
      // Where news of it did not fit, it may be there as it was before.
      if (keep(key, JSON.stringify(item)) || kept(key) !== null) unkept.delete(item.clientId);
      else unkept.add(item.clientId);
    },
    remove: (clientId) => {
      unkeep(prefix + clientId);
      unkept.delete(clientId);
    },
  };
}

function parse(text: string | null): OutboxItem[] {
  try {
    const item = JSON.parse(text ?? '') as OutboxItem;
    const words = [item.clientId, item.conversationId, item.text];
    // One without its time would leave none to those written after it.
    return words.every((each) => typeof each === 'string') && !Number.isNaN(Date.parse(item.createdAt)) ? [item] : [];
  } catch {
    return []; // written by something else
  }
}

/** My messages on their way. */
export class Outgoing {
  items = $state.raw<readonly OutboxItem[]>([]);
  /** Whether they wait for room on the server's disk. */
  full = $state(false);
  /** How many were written here, by conversation: in this tab, which is where one looks. */
  readonly #written = new SvelteMap<Id, number>();
  readonly #prefix: string;
  readonly #outbox: Outbox;
  readonly #store: OutboxStore;
  readonly #unkept = new Set<Id>();
  #lastMs = 0;

  constructor(client: Client, meId: Id, acknowledged: (message: Message) => void) {
    this.#prefix = `loopync.outbox.${meId}.`;
    this.#store = outboxStore(this.#prefix, this.#unkept);
    this.#outbox = new Outbox({
      store: this.#store,
      send: async ({ conversationId, text, clientId }) => {
        try {
          const sent = await client.call('send_message', { conversationId, text, clientId });
          this.full = false;
          return sent;
        } catch (error) {
          if (error instanceof RequestError) this.full = error.code === 'unavailable' && error.subject === 'disk';
          throw error;
        }
      },
      changed: (items) => {
        this.items = items;
        if (items.length === 0) this.full = false;
      },
      sent: (item, { id, conversationId, seq, createdAt }) =>
        acknowledged({
          id,
          conversationId,
          seq,
          createdAt,
          senderId: meId,
          kind: 'text',
          text: item.text,
          note: null,
          clientId: item.clientId,
        }),
    });
  }

  start(): void {
    this.#outbox.start();
    globalThis.addEventListener?.('storage', this.#stored);
    globalThis.addEventListener?.('beforeunload', this.#leaving);
  }

  /** The link is back. */
  wake(): void {
    this.#outbox.wake();
  }

  in(conversationId: Id): OutboxItem[] {
    return this.items.filter((item) => item.conversationId === conversationId);
  }

  send(conversationId: Id, text: string): void {
    // Strictly rising, whatever the clock does: it is the order after a reload.
    this.#lastMs = Math.max(Date.now(), this.#lastMs + 1, ...this.items.map((item) => Date.parse(item.createdAt) + 1));
    const createdAt = new Date(this.#lastMs).toISOString();
    this.#written.set(conversationId, this.written(conversationId) + 1);
    this.#outbox.add({ clientId: newClientId(), conversationId, text, createdAt, state: 'waiting', reason: null });
  }

  written(conversationId: Id): number {
    return this.#written.get(conversationId) ?? 0;
  }

  retry(clientId: Id): void {
    this.#outbox.retry(clientId);
  }

  remove(clientId: Id): void {
    this.#outbox.remove(clientId);
  }

  close(): void {
    globalThis.removeEventListener?.('storage', this.#stored);
    globalThis.removeEventListener?.('beforeunload', this.#leaving);
    this.#outbox.close();
  }

  forget(): void {
    for (const item of this.#store.load()) this.#store.remove(item.clientId);
  }

  /** Another tab of the same person wrote or removed something. */
  readonly #stored = ({ key, newValue }: StorageEvent): void => {
    if (!key?.startsWith(this.#prefix)) return;
    const known = this.items.find((item) => key === this.#prefix + item.clientId);
    if (newValue === null) {
      // Given up there, unless it waits: then it was sent there, and the answer to this tab's own try says so.
      if (known?.state === 'failed') this.#outbox.remove(known.clientId);
    } else if (known) this.#adopt(newValue);
    else setTimeout(() => this.#adopt(kept(key)), ADOPT_MS);
  };

  /** The browser asks, in words of its own, before a message goes that is nowhere but here. */
  readonly #leaving = (event: BeforeUnloadEvent): void => {
    if (this.#unkept.size > 0) event.preventDefault();
  };

  #adopt(text: string | null): void {
    for (const item of parse(text)) this.#outbox.adopt(item);
  }
}
