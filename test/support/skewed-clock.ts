// Real time for tests, but ahead of the machine's clock or faster than it.
import { systemClock, type Clock } from '../../src/clock.ts';

/** The machine's clock, skewed: it runs `speed` times as fast, and can be stepped. */
export class SkewedClock implements Clock {
  readonly #speed: number;
  readonly #startedAt = systemClock.now();
  readonly #startedElapsed = systemClock.elapsed();
  #aheadMs = 0;
  #skippedMs = 0;

  /** @param speed with 4, a time limit of ten seconds is over in two and a half; default: 1 */
  constructor(speed = 1) {
    this.#speed = speed;
  }

  now(): number {
    return this.#startedAt + this.elapsed() + this.#aheadMs;
  }

  elapsed(): number {
    return (systemClock.elapsed() - this.#startedElapsed) * this.#speed + this.#skippedMs;
  }

  after(delayMs: number, fn: () => void): () => void {
    return systemClock.after(delayMs / this.#speed, fn);
  }

  /** Steps the shown time forward by `ms` milliseconds, or back if negative; timers do not notice. */
  step(ms: number): void {
    this.#aheadMs += ms;
  }

  /** Lets `ms` milliseconds pass at once on both clocks; timers do not notice. */
  skip(ms: number): void {
    this.#skippedMs += ms;
  }
}
