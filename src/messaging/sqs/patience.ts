// How long SQS may refuse one kind of call before the service must end. Makes no call.
import type { Clock } from '../../clock.ts';

/** Rights and keys are changed one after the other, so a refusal may pass. In milliseconds. */
const patienceMs = 60_000;

/**
 * Counts the time of refusals of one kind of call, for all messages together: a single message may be lost and
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
   * @returns whether refusals have gone on for more than a minute: then trying again makes no sense
   */
  refused(): boolean {
    const now = this.#clock.now();
    // After so long a pause, it may be another refusal than the last one.
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
