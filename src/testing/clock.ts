// A clock that stands still until a test moves it. Part of the testing kit.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';

interface Timer {
  readonly dueAt: number;
  readonly fn: () => void;
}

/** How many turns of the event loop work gets between two timers: enough for a transaction and what follows it. */
const turnsPerStep = 20;

export class TestClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();

  /** @param now milliseconds since the epoch */
  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, fn: () => void): () => void {
    const timer = { dueAt: this.#now + Math.max(0, delayMs), fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /**
   * Moves the clock on by `ms`, stopping at each timer on the way, in order, and letting come of it what comes without
   * waiting for anything outside of the process.
   */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms;
    for (;;) {
      for (let turn = 0; turn < turnsPerStep; turn++) await nextTurn();
      const timer = this.#nextTimer(target);
      if (!timer) break;
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.dueAt);
      timer.fn();
    }
    this.#now = target;
  }

  #nextTimer(target: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt <= target && (!next || timer.dueAt < next.dueAt)) next = timer;
    }
    return next;
  }
}
