import { newClientId, Outbox, type Client, type Id, type Message, type OutboxItem, type OutboxStore } from '../sdk';
import { keep, kept, keptKeys, unkeep } from './storage';

/** One key for each message, so that two tabs never overwrite each other. */
function outboxStore(meId: Id): OutboxStore {
  const prefix = `loopync.outbox.${meId}.`;
  return {
    load: () => keptKeys(prefix).flatMap((key) => parse(kept(key))),
    save: (item) => keep(prefix + item.clientId, JSON.stringify(item)),
    remove: (clientId) => unkeep(prefix + clientId),
  };
}

function parse(text: string | null): OutboxItem[] {
  try {
    const item = JSON.parse(text ?? '') as OutboxItem;
    return typeof item.clientId === 'string' && typeof item.text === 'string' ? [item] : [];
  } catch {
    return []; // written by something else
  }
}

/** My messages on their way. */
export class Outgoing {
  items = $state.raw<readonly OutboxItem[]>([]);
  readonly #outbox: Outbox;
  readonly #store: OutboxStore;

  constructor(client: Client, meId: Id, acknowledged: (message: Message) => void) {
    this.#store = outboxStore(meId);
    this.#outbox = new Outbox({
      store: this.#store,
      send: ({ conversationId, text, clientId }) => client.call('send_message', { conversationId, text, clientId }),
      changed: (items) => (this.items = items),
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
  }

  in(conversationId: Id): OutboxItem[] {
    return this.items.filter((item) => item.conversationId === conversationId);
  }

  send(conversationId: Id, text: string): void {
    const createdAt = new Date().toISOString();
    this.#outbox.add({ clientId: newClientId(), conversationId, text, createdAt, state: 'waiting', reason: null });
  }

  retry(clientId: Id): void {
    this.#outbox.retry(clientId);
  }

  remove(clientId: Id): void {
    this.#outbox.remove(clientId);
  }

  close(): void {
    this.#outbox.close();
  }

  forget(): void {
    for (const item of this.#store.load()) this.#store.remove(item.clientId);
  }
}
