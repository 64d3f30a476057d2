// How long SQS may refuse one kind of call while we run, before the service must end. Owns no call.
import type { Clock } from '../../clock.ts';

/** Rights and keys are changed one after the other, so a refusal may pass. In milliseconds. */
const patienceMs = 60_000;

/** One kind of call, for all messages: a single one may be lost, and come again, before the patience is over. */
export class Patience {
  readonly #clock: Clock;
  #refusedSince = 0;
  #lastRefusal: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The call was refused.
   *
   * @returns whether that has gone on for too long
   */
  isOver(): boolean {
    const now = this.#clock.now();
    // So long ago, it may have been another refusal.
    const isNew = this.#lastRefusal === undefined || now - this.#lastRefusal > patienceMs;
    if (isNew) this.#refusedSince = now;
    this.#lastRefusal = now;
    return now - this.#refusedSince > patienceMs;
  }

  /** The call was not refused. */
  renew(): void {
    this.#lastRefusal = undefined;
  }
}
