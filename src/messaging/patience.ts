// Measures how long a broker has refused one kind of operation, and when the service must end for that: while users,
// rights and keys are created one by one, a refusal may pass.
import type { Clock } from '../clock.ts';

/** Measures the time of refusals of one kind of operation, for all messages together. */
export class Patience {
  readonly #clock: Clock;
  readonly #limitMs: number;
  #refusedSince = 0;
  #lastRefusal: number | undefined;

  /** @param limitMs how long refusals are tolerated, in milliseconds; 0 for not at all */
  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /**
   * Notes a refusal.
   *
   * @returns whether refusals have gone on for too long: then retrying makes no sense
   */
  refused(): boolean {
    const now = this.#clock.elapsed();
    // After such a long pause, this may be an unrelated refusal.
    const isNew = this.#lastRefusal === undefined || now - this.#lastRefusal > this.#limitMs;
    if (isNew) this.#refusedSince = now;
    this.#lastRefusal = now;
    return this.#limitMs === 0 || now - this.#refusedSince > this.#limitMs;
  }

  /** Notes an operation that was not refused: the time starts again with the next refusal. */
  renew(): void {
    this.#lastRefusal = undefined;
  }
}
