// The schedule of CRON_TIME_AMOUNT and CRON_TIME_UNIT: a grid of instants. A day is 24 hours, whatever the clocks show.
import { dateOf, instantOf, type Schedule } from './schedule.ts';

/** The values of CRON_TIME_UNIT, with their lengths in milliseconds. */
export const unitMs = {
  seconds: 1000,
  minutes: 60_000,
  hours: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
} as const;

/** A value of CRON_TIME_UNIT. */
export type Unit = keyof typeof unitMs;

/**
 * Due at `start` + n x the interval: for the first time one interval after `start`, and without drift, however long the
 * work takes. An interval may have fractions of a millisecond; each occurrence is rounded on its own, so that errors
 * stay below a millisecond and never add up.
 */
export class IntervalSchedule implements Schedule {
  readonly kind = 'interval';
  readonly timezone: string;
  readonly #amount: number;
  readonly #unit: Unit;
  readonly #start: number;
  readonly #intervalMs: number;

  /** `amount` x `unit` must be 1 ms or more, or occurrences would coincide. `timezone` is only for display. */
  constructor(options: { amount: number; unit: Unit; start: Date; timezone: string }) {
    this.timezone = options.timezone;
    this.#amount = options.amount;
    this.#unit = options.unit;
    this.#start = instantOf(options.start);
    this.#intervalMs = options.amount * unitMs[options.unit];
  }

  next(after: Date): Date {
    const instant = instantOf(after);
    // The grid also reaches back to before the start: when a clock that was an hour fast is corrected, the wait must be
    // one interval, and not an hour longer.
    let step = Math.floor((instant - this.#start) / this.#intervalMs) + 1;
    // An occurrence that was rounded down may equal the instant.
    while (this.#occurrence(step) <= instant) step++;
    return dateOf(this.#occurrence(step));
  }

  describe(): string {
    return this.#amount === 1 ? `every ${this.#unit.slice(0, -1)}` : `every ${this.#amount} ${this.#unit}`;
  }

  #occurrence(step: number): number {
    return this.#start + Math.round(step * this.#intervalMs);
  }
}
