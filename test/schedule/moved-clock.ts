// A clock of two: what its timers follow, and what it shows. They part where a machine sleeps or a clock is set.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../src/clock.ts';

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

/** Stands still until it is moved. */
export class MovedClock implements Clock {
  /** What timers follow. */
  #elapsed = 0;
  /** What is shown when nothing has elapsed. */
  #epoch: number;
  readonly #timers = new Set<Timer>();
  /** The longest delay that was ever asked for. */
  longestDelayMs = 0;

  constructor(now: Date) {
    this.#epoch = now.getTime();
  }

  now(): number {
    return this.#epoch + this.#elapsed;
  }

  after(delayMs: number, fn: () => void): () => void {
    this.longestDelayMs = Math.max(this.longestDelayMs, delayMs);
    const timer = { at: this.#elapsed + Math.max(0, delayMs), fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Sets what is shown by so much, as NTP, an operator or a machine that slept does; no timer notices. */
  async step(ms: number): Promise<void> {
    this.#epoch += ms;
    await settle();
  }

  /** Lets time pass, for timers and for what is shown. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await settle();
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.fn();
      await settle();
    }
    this.#elapsed = end;
  }
}

/** Lets everything happen that needs no time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await nextTurn();
}
