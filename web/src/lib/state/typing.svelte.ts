import { SvelteMap } from 'svelte/reactivity';
import type { Id } from '../sdk';

/** The server repeats every 3 s while it lasts; silence for twice that is the end of it. */
const EXPIRES_MS = 6_000;

/** Who is typing where, by conversation. */
export class Typing {
  readonly #typing = new SvelteMap<Id, readonly Id[]>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  in(conversationId: Id): readonly Id[] {
    return this.#typing.get(conversationId) ?? [];
  }

  heard(conversationId: Id, userId: Id, active: boolean): void {
    const key = `${conversationId} ${userId}`;
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    const others = this.in(conversationId).filter((id) => id !== userId);
    if (active) {
      this.#typing.set(conversationId, [...others, userId]);
      this.#timers.set(key, setTimeout(() => this.heard(conversationId, userId, false), EXPIRES_MS));
    } else if (others.length > 0) this.#typing.set(conversationId, others);
    else this.#typing.delete(conversationId);
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }
}
