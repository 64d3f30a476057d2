// A clock that stands still until a test moves it. Part of the testing kit.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';

interface Timer {
  /** On the scale of `#elapsedMs`. */
  readonly dueMs: number;
  readonly fn: () => void;
}

/**
 * The most turns of the event loop that are waited for. A processor that polls with `setImmediate` never lets it fall
 * quiet; time must pass all the same, or the processor would never time out.
 */
const mostTurns = 1000;

/**
 * Time that passes only when a test says so. The shown time and the time of the timers are separate, as on a
 * machine: setting its clock moves no timer.
 */
export class TestClock implements Clock {
  /** The time shown before any time had passed. */
  #epochMs: number;
  #elapsedMs = 0;
  readonly #timers = new Set<Timer>();

  /** @param now the time shown at first; default: noon of 1 January 2026, UTC */
  constructor(now = new Date('2026-01-01T12:00:00Z')) {
    this.#epochMs = now.getTime();
  }

  now(): number {
    return this.#epochMs + this.#elapsedMs;
  }

  elapsed(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, fn: () => void): () => void {
    const timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** The milliseconds until each timer is due, in ascending order; 0 and less if it is due already. */
  get waits(): number[] {
    return [...this.#timers].map(({ dueMs }) => dueMs - this.#elapsedMs).sort((a, b) => a - b);
  }

  /**
   * Lets `ms` milliseconds pass: calls every timer that falls due, in order and at its time. Before the first timer and
   * after each, the event loop turns until it is quiet, which finishes the work that the timer started, except for I/O.
   */
  async advance(ms: number): Promise<void> {
    const endMs = this.#elapsedMs + ms;
    await quiet();
    let dueMs = this.#nextDue();
    while (dueMs <= endMs) {
      this.#elapsedMs = Math.max(this.#elapsedMs, dueMs);
      this.#fireDue();
      await quiet();
      dueMs = this.#nextDue();
    }
    this.#elapsedMs = endMs;
  }

  /** Lets `ms` milliseconds pass without calling any timer, as if the event loop were blocked for so long. */
  block(ms: number): void {
    this.#elapsedMs += ms;
  }

  /**
   * Steps the shown time forward by `ms` milliseconds, or back if negative, as NTP does. Timers do not notice. To a
   * process, a machine that slept looks the same.
   */
  step(ms: number): void {
    this.#epochMs += ms;
  }

  #nextDue(): number {
    return Math.min(Infinity, ...[...this.#timers].map(({ dueMs }) => dueMs));
  }

  /** In one turn, as Node does: timers due at the same instant see each other's effects before anything else runs. */
  #fireDue(): void {
    const due = [...this.#timers].filter(({ dueMs }) => dueMs <= this.#elapsedMs);
    for (const timer of due.sort((a, b) => a.dueMs - b.dueMs)) {
      // One of those before it may have cancelled it.
      if (this.#timers.delete(timer)) timer.fn();
    }
  }
}

/**
 * Resolves when the event loop has nothing left to do but to wait: for a timer, or for I/O. The embedded queue has
 * committed its writes by then, and everything that follows from them has happened.
 */
export async function quiet(): Promise<void> {
  let turns = 0;
  do await nextTurn();
  while (process.getActiveResourcesInfo().includes('Immediate') && ++turns < mostTurns);
}
