import { Backoff, mayDoLater, Pauses } from '../sdk';

const BACKOFF = { firstMs: 500, mostMs: 20_000 };

interface Repair {
  work: () => Promise<void>;
  again: boolean;
}

/**
 * Loads that must come about, since nothing later makes up for them: each is tried until it succeeds or is refused for
 * good. Asked for again while it is under way, it is done once more, for its answer may be older than the reason.
 */
export class Repairs {
  readonly #underWay = new Map<string, Repair>();
  readonly #pauses = new Pauses();
  readonly #random: (() => number) | undefined;
  #closed = false;

  constructor(random?: () => number) {
    this.#random = random;
  }

  /** `key` names what is repaired: of each there is one at a time. */
  add(key: string, work: () => Promise<void>): void {
    const underWay = this.#underWay.get(key);
    if (underWay) [underWay.work, underWay.again] = [work, true];
    else void this.#run(key, { work, again: true });
  }

  /** The link is back: what waited for it is tried now. */
  wake(): void {
    this.#pauses.end();
  }

  close(): void {
    this.#closed = true;
    this.#pauses.end();
  }

  async #run(key: string, repair: Repair): Promise<void> {
    this.#underWay.set(key, repair);
    const backoff = new Backoff(BACKOFF, this.#random);
    while (repair.again && !this.#closed) {
      repair.again = false;
      try {
        await repair.work();
      } catch (error) {
        if (!mayDoLater(error)) continue;
        repair.again = true;
        await this.#pauses.wait(backoff.nextMs());
      }
    }
    this.#underWay.delete(key);
  }
}
