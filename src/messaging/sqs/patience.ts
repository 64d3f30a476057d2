// Measures how long SQS has refused one kind of call, and when the service must end for that.
import type { Clock } from '../../clock.ts';

/**
 * How long refusals are tolerated, in milliseconds: while rights and keys are changed one by one, a refusal may pass.
 */
const patienceMs = 60_000;

/**
 * Measures the time of refusals of one kind of call, for all messages together: a single message may be lost and
 * redelivered before the time is up.
 */
export class Patience {
  readonly #clock: Clock;
  #refusedSince = 0;
  #lastRefusal: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Notes a refusal.
   *
   * @returns whether refusals have gone on for more than a minute: then retrying makes no sense
   */
  refused(): boolean {
    const now = this.#clock.now();
    // After such a long pause, this may be an unrelated refusal.
    const isNew = this.#lastRefusal === undefined || now - this.#lastRefusal > patienceMs;
    if (isNew) this.#refusedSince = now;
    this.#lastRefusal = now;
    return now - this.#refusedSince > patienceMs;
  }

  /** Notes a call that was not refused: the time starts again with the next refusal. */
  renew(): void {
    this.#lastRefusal = undefined;
  }
}
