/** Whether a push is to be taken, was taken before, or shows that one in between is missing. */
export type Arrival = 'next' | 'seen' | 'gap';

/**
 * The highest `seq` held of each topic. `(topic, seq)` names an event for ever and a topic has no gaps, so this is all
 * that dedupe, order and resume need.
 */
export class Topics {
  readonly #held = new Map<string, number>();

  /** Takes note of a push. A gap is not noted: the caller resumes from what is held. */
  arrive(topic: string, seq: number): Arrival {
    const held = this.#held.get(topic);
    if (held !== undefined) {
      if (seq <= held) return 'seen';
      if (seq > held + 1) return 'gap';
    }
    this.#held.set(topic, seq);
    return 'next';
  }

  /** A topic begins, or goes on, after `seq`. */
  start(topic: string, seq: number): void {
    this.#held.set(topic, seq);
  }

  drop(topic: string): void {
    this.#held.delete(topic);
  }

  /** The tips after a resume. Topics not among them are no longer ours. */
  caughtUp(tips: Record<string, number>): void {
    for (const topic of this.#held.keys()) if (!(topic in tips)) this.#held.delete(topic);
    for (const [topic, seq] of Object.entries(tips)) {
      this.#held.set(topic, Math.max(seq, this.#held.get(topic) ?? 0));
    }
  }

  clear(): void {
    this.#held.clear();
  }

  have(): Record<string, number> {
    return Object.fromEntries(this.#held);
  }
}
