// A clock that a test moves by hand. Owns no time zone and no real time.
import type { Clock } from '../../../src/clock.ts';

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

/** Starts at some noon; stands still until it is moved. */
export class ManualClock implements Clock {
  #now = Date.UTC(2026, 0, 1, 12);
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  after(delayMs: number, fn: () => void): () => void {
    const timer = { at: this.#now + delayMs, fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** How long from now each timer is set for, the next one first. */
  get waits(): number[] {
    return [...this.#timers].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  /** Moves on, and fires what is due on the way, each at its time; between them the event loop turns. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.fn();
      await turn();
    }
    this.#now = end;
    await turn();
  }

  /** Moves on without firing anything, as for a program whose event loop was blocked, or whose machine slept. */
  jump(ms: number): void {
    this.#now += ms;
  }
}

/** Lets the event loop turn until what was written in this turn, and what follows from it, is committed. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
