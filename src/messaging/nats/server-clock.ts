// The server's clock, as far as its deliveries show it: ours may differ, or be set.
import type { Clock } from '../../clock.ts';

/** Estimates the time at the server. Never ahead of it, and behind only until a message arrives that was just stored. */
export class ServerClock {
  readonly #clock: Clock;
  #aheadMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes a message that has arrived: the server stored it before now. */
  note(storedAt: Date): void {
    this.#aheadMs = Math.max(this.#aheadMs, storedAt.getTime() - this.#clock.elapsed());
  }

  /** The time at the server or a little before, in milliseconds since the epoch. */
  now(): number {
    return this.#clock.elapsed() + this.#aheadMs;
  }
}
