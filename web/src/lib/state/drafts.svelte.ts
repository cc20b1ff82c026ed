import { SvelteMap } from 'svelte/reactivity';
import type { Id } from '../sdk';
import { keep, kept, keptKeys, unkeep } from './storage';

/** What is written and not sent, for each conversation; survives a reload on this device. */
export class Drafts {
  readonly #prefix: string;
  readonly #drafts = new SvelteMap<Id, string>();

  constructor(meId: Id) {
    this.#prefix = `loopync.draft.${meId}.`;
    for (const key of keptKeys(this.#prefix)) this.#drafts.set(key.slice(this.#prefix.length), kept(key) ?? '');
  }

  get(conversationId: Id): string {
    return this.#drafts.get(conversationId) ?? '';
  }

  set(conversationId: Id, text: string): void {
    if (text.trim() === '') {
      this.#drafts.delete(conversationId);
      unkeep(this.#prefix + conversationId);
    } else {
      this.#drafts.set(conversationId, text);
      keep(this.#prefix + conversationId, text);
    }
  }

  /** Nothing written stays on a device that was signed out of. */
  forget(): void {
    for (const key of keptKeys(this.#prefix)) unkeep(key);
  }
}
