/** See `connect` in docs/protocol.md: more than one person can have, and within what one frame may hold. */
export const HAVE_MAX = 4_000;

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
    this.start(topic, seq);
    return 'next';
  }

  /** A topic begins, or goes on, after `seq`. */
  start(topic: string, seq: number): void {
    // A Map keeps the order of insertion: the topic heard of last goes to the end.
    this.#held.delete(topic);
    this.#held.set(topic, seq);
  }

  drop(topic: string): void {
    this.#held.delete(topic);
  }

  /** The tips after a resume: of which topics something was `missed`, and which are `gone`, no longer ours. */
  caughtUp(tips: Record<string, number>): { missed: string[]; gone: string[] } {
    const gone = [...this.#held.keys()].filter((topic) => !(topic in tips));
    for (const topic of gone) this.#held.delete(topic);
    const missed: string[] = [];
    for (const [topic, seq] of Object.entries(tips)) {
      const held = this.#held.get(topic);
      if (held !== undefined && held < seq) missed.push(topic);
      this.#held.set(topic, Math.max(seq, held ?? 0));
    }
    return { missed, gone };
  }

  clear(): void {
    this.#held.clear();
  }

  /** What to resume from: of more topics than the server takes, those heard of last. */
  have(): Record<string, number> {
    return Object.fromEntries([...this.#held].slice(-HAVE_MAX));
  }
}
