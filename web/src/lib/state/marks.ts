import type { Client, Id } from '../sdk';
import type { Chats } from './chats.svelte';

const WAIT_MS = 400;

/** "Arrived here" and "read", told to the server at most every little while, and only forward. */
export class Marks {
  readonly #delivered = new Map<Id, number>();
  readonly #read = new Map<Id, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly client: Client,
    private readonly chats: Chats,
  ) {}

  delivered(conversationId: Id, seq: number): void {
    this.#note(this.#delivered, conversationId, seq);
  }

  /** Clears the badge at once; the server hears of it shortly. */
  read(conversationId: Id, seq: number): void {
    const chat = this.chats.get(conversationId);
    if (!chat || seq <= chat.readSeq) return;
    this.chats.read(conversationId, seq, seq >= chat.lastSeq ? 0 : chat.unreadCount);
    this.#delivered.delete(conversationId); // read is also delivered
    this.#note(this.#read, conversationId, seq);
  }

  /** Tells what is noted at once: the page may be gone before its time. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#send();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #note(marks: Map<Id, number>, conversationId: Id, seq: number): void {
    marks.set(conversationId, Math.max(seq, marks.get(conversationId) ?? 0));
    this.#timer ??= setTimeout(() => this.#send(), WAIT_MS);
  }

  #send(): void {
    this.#timer = undefined;
    for (const [conversationId, seq] of this.#read) {
      this.client.call('mark_read', { conversationId, seq }, { timeoutMs: 60_000 }).then(
        ({ readSeq, unreadCount }) => this.chats.read(conversationId, readSeq, unreadCount),
        () => undefined, // the next mark, or the next load of the list, makes up for it
      );
    }
    for (const [conversationId, seq] of this.#delivered) {
      this.client.call('mark_delivered', { conversationId, seq }, { timeoutMs: 60_000 }).catch(() => undefined);
    }
    this.#read.clear();
    this.#delivered.clear();
  }
}
