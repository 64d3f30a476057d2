// The system's clock, some time ahead: timers run as ever, and hours pass when a test says so.
import { systemClock, type Clock } from '../../../src/clock.ts';

export class ShiftedClock implements Clock {
  #aheadMs = 0;

  now(): number {
    return systemClock.now() + this.#aheadMs;
  }

  after(delayMs: number, fn: () => void): () => void {
    return systemClock.after(delayMs, fn);
  }

  /** So much time has passed; timers did not notice. */
  jump(ms: number): void {
    this.#aheadMs += ms;
  }
}
