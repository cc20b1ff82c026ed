export interface BackoffLimits {
  firstMs: number;
  mostMs: number;
}

/** Waits that double up to a bound. Half of each is chance, so that a thousand clients do not come back as one. */
export class Backoff {
  #attempts = 0;

  constructor(
    private readonly limits: BackoffLimits,
    private readonly random: () => number = Math.random,
  ) {}

  nextMs(): number {
    const whole = Math.min(this.limits.mostMs, this.limits.firstMs * 2 ** this.#attempts);
    this.#attempts += 1;
    return Math.round(whole / 2 + (whole / 2) * this.random());
  }

  reset(): void {
    this.#attempts = 0;
  }
}
