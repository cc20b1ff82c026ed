import { mayDoLater, type Client, type Id } from '../sdk';
import type { Chats } from './chats.svelte';

const WAIT_MS = 400;
/** A mark that could not be told is told again after this long. */
const AGAIN_MS = 5_000;
/** Most of it is waiting for a link. */
const TELL_MS = 60_000;

/** "Arrived here" and "read", told to the server at most every little while, and only forward. */
export class Marks {
  readonly #delivered = new Map<Id, number>();
  readonly #read = new Map<Id, number>();
  #closed = false;
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
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #note(marks: Map<Id, number>, conversationId: Id, seq: number, waitMs = WAIT_MS): void {
    if (this.#closed) return;
    marks.set(conversationId, Math.max(seq, marks.get(conversationId) ?? 0));
    this.#timer ??= setTimeout(() => this.#send(), waitMs);
  }

  #send(): void {
    this.#timer = undefined;
    for (const [id, seq] of this.#read) this.#tell('mark_read', this.#read, id, seq);
    for (const [id, seq] of this.#delivered) this.#tell('mark_delivered', this.#delivered, id, seq);
    this.#read.clear();
    this.#delivered.clear();
  }

  #tell(name: 'mark_read' | 'mark_delivered', marks: Map<Id, number>, conversationId: Id, seq: number): void {
    this.client.call(name, { conversationId, seq }, { timeoutMs: TELL_MS }).then(
      () => name === 'mark_read' && this.#answered(conversationId, seq),
      (error: unknown) => mayDoLater(error) && this.#note(marks, conversationId, seq, AGAIN_MS),
    );
  }

  /**
   * How many are left is not taken from the answer: nobody can tell which messages on their way it has counted. All that
   * was heard of is read, or a snapshot says what is left.
   */
  #answered(conversationId: Id, seq: number): void {
    const chat = this.chats.get(conversationId);
    if (!chat || seq < chat.readSeq) return; // a later mark is on its way
    if (seq < chat.lastSeq && chat.unreadCount > 0) this.chats.renew(conversationId);
  }
}
