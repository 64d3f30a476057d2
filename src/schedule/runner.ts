// Calls one function at the occurrences of a schedule, and reports those that it skips.
import { sleep, type Clock } from '../clock.ts';
import { countBetween, latestUntil } from './past.ts';
import type { Schedule } from './schedule.ts';

/** Occurrences that were skipped. */
export interface Skipped {
  /** `busy`: the previous run was in progress. `late`: the clock was set forward past them, or the machine slept. */
  readonly reason: 'busy' | 'late';
  readonly first: Date;
  /** Their number, at most `countLimit`. */
  readonly count: number;
}

/** The schedule, and the functions to call. */
export interface RunnerOptions {
  readonly schedule: Schedule;
  readonly clock: Clock;
  /** Called at each occurrence, never before the last call has settled. Must not reject. */
  readonly onDue: (occurrence: Date) => Promise<void>;
  readonly onSkipped: (skipped: Skipped) => void;
}

/** The largest number that is counted: counting goes one by one, and nobody needs to know a million exactly. */
export const countLimit = 1000;

/**
 * The longest sleep, in milliseconds, before the runner reads the wall clock again. Timers follow another clock, so
 * this is how soon it notices that the machine slept, or that its clock was set.
 */
const longestSleepMs = 30_000;

/**
 * Calls `onDue` at each occurrence, with these rules:
 *
 * - One at a time. Occurrences that fall due during a call are skipped; the next one in the future follows.
 * - If several are overdue, because the machine slept or the clock was set forward, the latest is called for, late, and
 *   the earlier ones are skipped. So there is never a burst, and a long sleep loses no daily run.
 * - If the clock was set back, the occurrences in the repeated period are due again, except the last one that was
 *   called for: a correction by seconds does not run a daily job twice, and one by hours does not silence a minutely
 *   job.
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
   * Runs until drained; resolves when the last call has ended.
   *
   * @param atOnce whether to call once at the start, for the present instant
   * @throws RangeError no further occurrence follows
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
      // The clock was set back to before `from`, so `due` may be far ahead by now: search again.
      if (now < from) from = now;
      else if (now >= due) from = await this.#call(this.#latest(due, now));
    }
  }

  /** Calls nothing from now on. Idempotent. */
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

  /** The occurrence to call for at `now`: `due`, or a later one that is past as well. */
  #latest(due: number, now: number): number {
    const latest = latestUntil(this.#options.schedule, due, now);
    if (latest > due) this.#skip('late', due - 1, latest - 1);
    return latest;
  }

  /** Returns the instant from which to search on. */
  async #call(occurrence: number): Promise<number> {
    const { clock, onDue } = this.#options;
    this.#last = occurrence;
    await onDue(new Date(occurrence));
    const now = clock.now();
    if (!this.#isDraining()) this.#skip('busy', occurrence, now);
    return now;
  }

  /** Reports the occurrences that are later than `from` and no later than `until`. */
  #skip(reason: Skipped['reason'], from: number, until: number): void {
    const { schedule, onSkipped } = this.#options;
    const count = countBetween(schedule, from, until, countLimit);
    if (count > 0) onSkipped({ reason, first: schedule.next(new Date(from)), count });
  }
}
