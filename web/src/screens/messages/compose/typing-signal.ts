/** Told again this often while it lasts; see docs/protocol.md, `typing`. */
const REPEAT_MS = 3_000;
const PAUSE_MS = 4_000;

/** Says "I am typing" at most every few seconds, and that it ended once nothing was typed for a while. */
export class TypingSignal {
  #toldAt = -Infinity;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly tell: (active: boolean) => void,
    private readonly now: () => number = Date.now,
  ) {}

  typed(): void {
    if (this.now() - this.#toldAt >= REPEAT_MS) {
      this.#toldAt = this.now();
      this.tell(true);
    }
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.stop(), PAUSE_MS);
  }

  stop(): void {
    clearTimeout(this.#pause);
    if (this.#toldAt === -Infinity) return;
    this.#toldAt = -Infinity;
    this.tell(false);
  }

  /** The message itself says that the typing is over. */
  sent(): void {
    clearTimeout(this.#pause);
    this.#toldAt = -Infinity;
  }
}
