// Notices that the wall clock was set: its distance from the clock that nobody sets has changed.
import type { Clock } from '../../clock.ts';

/** Smaller changes are corrections that no lease minds, in milliseconds. */
const leastStepMs = 1000;

/** Watches the wall clock of one consumer for steps. To it, a machine that slept looks like a step forward. */
export class StepWatch {
  readonly #clock: Clock;
  #aheadMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#aheadMs = clock.now() - clock.elapsed();
  }

  /** How far the wall clock was set since the last answer other than 0, in milliseconds; negative if it was set back. */
  look(): number {
    const aheadMs = this.#clock.now() - this.#clock.elapsed();
    const stepMs = aheadMs - this.#aheadMs;
    if (Math.abs(stepMs) < leastStepMs) return 0;
    this.#aheadMs = aheadMs;
    return stepMs;
  }
}
