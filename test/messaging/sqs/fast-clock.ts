// A clock that runs faster than the system's: time limits of seconds are over in a test's time.
import { systemClock, type Clock } from '../../../src/clock.ts';

export class FastClock implements Clock {
  readonly #factor: number;
  readonly #startedAt = systemClock.now();

  constructor(factor: number) {
    this.#factor = factor;
  }

  now(): number {
    return this.#startedAt + (systemClock.now() - this.#startedAt) * this.#factor;
  }

  after(delayMs: number, fn: () => void): () => void {
    return systemClock.after(delayMs / this.#factor, fn);
  }
}
