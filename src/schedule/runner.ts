// Drives one piece of work by a schedule and a clock: when it is called, and what is skipped. What the work is, and what
// becomes of its errors, is the service's matter.
import { sleep, type Clock } from '../clock.ts';
import { countBetween, latestUntil } from './past.ts';
import type { Schedule } from './schedule.ts';

/** Occurrences that nothing was called for. */
export interface Skipped {
  /** The run before was still going on, or the clock was beyond them when it was looked at: it was put on, or slept. */
  readonly reason: 'busy' | 'late';
  readonly first: Date;
  /** How many; `countLimit` where there are more. */
  readonly count: number;
}

export interface RunnerOptions {
  readonly schedule: Schedule;
  readonly clock: Clock;
  /** Called at each occurrence, never before the last call has settled. Must not reject. */
  readonly onDue: (occurrence: Date) => Promise<void>;
  readonly onSkipped: (skipped: Skipped) => void;
}

/** Nobody needs the exact number of a million, and counting is done one by one. */
export const countLimit = 1000;

/**
 * The longest sleep, in milliseconds. The wall clock is looked at again after it, because timers follow another clock: a
 * machine that slept, or whose clock was put on or back, is noticed within this time.
 */
const longestSleepMs = 30_000;

/**
 * Calls `onDue` at each occurrence, with these rules:
 *
 * - One at a time. Occurrences that fall due meanwhile are skipped; the next one in the future follows.
 * - Of several that are past when the clock is looked at (the machine slept, the clock was put on), the latest is due, late,
 *   and those before it are skipped. So there is never a burst, and one long sleep loses no daily run.
 * - Where the clock was put back, what comes again is due again, but for the last occurrence: a correction by seconds does
 *   not run a daily job twice, and one by hours does not silence a job of every minute.
 */
export class ScheduleRunner {
  readonly #options: RunnerOptions;
  readonly #draining = new AbortController();
  /** The last occurrence that was called for. */
  #last: number | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /**
   * Runs until drained; resolves when nothing is called any more.
   *
   * @param atOnce also call for the present instant first
   * @throws RangeError when no further occurrence follows
   */
  async run(atOnce: boolean): Promise<void> {
    const { clock } = this.#options;
    let from = clock.now();
    if (atOnce) from = await this.#call(from);
    while (!this.#isDraining()) {
      const due = this.#nextAfter(from);
      await sleep(clock, Math.min(longestSleepMs, Math.max(0, due - clock.now())), this.#draining.signal);
      if (this.#isDraining()) return;
      const now = clock.now();
      // Put back beyond where the search began: what was found from there may be far ahead now.
      if (now < from) from = now;
      else if (now >= due) from = await this.#call(this.#latest(due, now));
    }
  }

  /** Nothing is called from now on. Idempotent. */
  drain(): void {
    this.#draining.abort();
  }

  #isDraining(): boolean {
    return this.#draining.signal.aborted;
  }

  #nextAfter(from: number): number {
    const { schedule } = this.#options;
    const due = schedule.next(new Date(from));
    return (due.getTime() === this.#last ? schedule.next(due) : due).getTime();
  }

  /** The occurrence to call for at `now`, where `due` and perhaps others are past. */
  #latest(due: number, now: number): number {
    const latest = latestUntil(this.#options.schedule, due, now);
    if (latest > due) this.#skip('late', due - 1, latest - 1);
    return latest;
  }

  /** Returns the instant to go on from. */
  async #call(occurrence: number): Promise<number> {
    const { clock, onDue } = this.#options;
    this.#last = occurrence;
    await onDue(new Date(occurrence));
    const now = clock.now();
    if (!this.#isDraining()) this.#skip('busy', occurrence, now);
    return now;
  }

  /** Tells of those that are later than `from` and no later than `until`. */
  #skip(reason: Skipped['reason'], from: number, until: number): void {
    const { schedule, onSkipped } = this.#options;
    const count = countBetween(schedule, from, until, countLimit);
    if (count > 0) onSkipped({ reason, first: schedule.next(new Date(from)), count });
  }
}
