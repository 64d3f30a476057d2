// The schedule of CRON_RUN_AT: every n days at one time of day. wall-clock.ts handles clock changes.
import { unitMs } from './interval.ts';
import { dateOf, instantOf, type Schedule } from './schedule.ts';
import { instantAt, wallClockAt } from './wall-clock.ts';

/**
 * Due every `days` days at one wall-clock time, counted from the date of `start`: on that date if the time is still
 * ahead, otherwise `days` days later. A time that a clock change skips is due at the first instant after the gap; one
 * that occurs twice is due only the first time.
 */
export class TimeOfDaySchedule implements Schedule {
  readonly kind = 'time-of-day';
  readonly timezone: string;
  readonly #timeOfDay: string;
  readonly #days: number;
  /** The wall-clock time of the occurrence on the date of the start; all others are a multiple of `days` away. */
  readonly #origin: number;

  /** `timeOfDay` is `HH:MM:SS`, `days` a whole number from 1. */
  constructor(options: { timeOfDay: string; days: number; start: Date; timezone: string }) {
    this.timezone = options.timezone;
    this.#timeOfDay = options.timeOfDay;
    this.#days = options.days;
    const startWallClock = wallClockAt(instantOf(options.start), options.timezone);
    const today = Math.floor(startWallClock / unitMs.days) * unitMs.days;
    this.#origin = today + Date.parse(`1970-01-01T${options.timeOfDay}Z`);
  }

  next(after: Date): Date {
    const instant = instantOf(after);
    const stepMs = this.#days * unitMs.days;
    // The last one that the clocks have shown by `after`; if they show a time twice, the next may be past as well.
    let step = Math.floor((wallClockAt(instant, this.timezone) - this.#origin) / stepMs);
    for (;;) {
      const occurrence = instantAt(dateOf(this.#origin + step * stepMs).getTime(), this.timezone);
      if (occurrence > instant) return dateOf(occurrence);
      step++;
    }
  }

  describe(): string {
    const days = this.#days === 1 ? 'every day' : `every ${this.#days} days`;
    return `${days} at ${this.#timeOfDay} (${this.timezone})`;
  }
}
