import type { Push } from '../sdk';

const KEPT_MAX = 1_000;

/**
 * The last lasting pushes. A snapshot may be older than a push that came before it, so whoever takes a snapshot applies
 * again what came after its `topicSeq`.
 */
export class Recent {
  readonly #pushes: Push[] = [];

  note(push: Push): void {
    if (push.topic === undefined) return;
    this.#pushes.push(push);
    if (this.#pushes.length > KEPT_MAX) this.#pushes.splice(0, KEPT_MAX / 2);
  }

  /** The last `seq` heard of a topic, for a snapshot that does not say how old it is: take this before asking for it. */
  tip(topic: string): number {
    return this.#pushes.findLast((push) => push.topic === topic)?.seq ?? 0;
  }

  after(topic: string, seq: number): Push[] {
    return this.#pushes.filter((push) => push.topic === topic && (push.seq as number) > seq);
  }
}
