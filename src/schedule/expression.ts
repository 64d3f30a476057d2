// The schedule of one or more cron expressions, which croner parses and looks up in its calendar. expression-list.ts
// splits lists, expression-fault.ts explains faults.
import { Cron, CronPattern } from 'croner';
import { dateOf, instantOf, type Schedule } from './schedule.ts';
import { instantAt, wallClockAt } from './wall-clock.ts';

/** How croner reads an expression; only a lone `*` (or `?`) leaves a day field open, as in POSIX crontab. */
const reading = { mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard', domAndDow: false } as const;

/** Whether croner can read `text`: 5 or 6 fields, or a nickname like `@daily`. It may still never be due. */
export function isExpression(text: string): boolean {
  try {
    new CronPattern(text, undefined, reading);
    return true;
  } catch {
    return false;
  }
}

/**
 * One cron expression in one zone. It follows one of two rules when the clocks change, after Vixie cron:
 *
 * - *Fixed times* (no `*`, `?` or step in second, minute and hour: `30 2 * * *`, `0 2,14 * * *`) follow the rule of
 *   CRON_RUN_AT: a time that is skipped is due at the first instant after the gap, and one that occurs twice is due
 *   only the first time. Times that a gap moves to the same instant are due once.
 * - *All others* (`0 * * * *`, `0-30/10 2 * * *`) are due at every instant at which the clocks of the zone show a
 *   matching time: not at all in a gap, twice in an overlap. So "every 10 minutes" stays every 10 minutes.
 */
export class Expression {
  readonly text: string;
  readonly #timezone: string;
  readonly #fixed: boolean;
  readonly #cron: Cron;

  /** @throws Error croner's own: `text` is not a cron expression of 5 or 6 fields */
  constructor(text: string, timezone: string) {
    this.text = text;
    this.#timezone = timezone;
    // Before `new Cron`, which takes any text with a colon for a date.
    this.#fixed = new CronPattern(text, undefined, reading).isFixedTime;
    // Fixed times are looked up on a calendar without clock changes, and only then placed in the zone. croner 11.0.1
    // would do so itself, but drops a time whose gap ends on the next date (America/Nuuk: 23:00 to 24:00 in March).
    this.#cron = new Cron(text, { ...reading, ...(this.#fixed ? { utcOffset: 0 } : { timezone }) });
  }

  /** The first occurrence strictly after `instant`; undefined if there is none before the year 3000. */
  next(instant: number): number | undefined {
    if (!this.#fixed) return this.#cron.nextRun(new Date(instant))?.getTime();
    let wallClock = wallClockAt(instant, this.#timezone);
    for (;;) {
      const due = this.#cron.nextRun(new Date(wallClock))?.getTime();
      if (due === undefined) return undefined;
      const occurrence = instantAt(due, this.#timezone);
      // In the second pass of an overlap, the clocks show times that were due in the first.
      if (occurrence > instant) return occurrence;
      wallClock = due;
    }
  }
}

/** Due whenever one of its expressions is; once, if several are due at the same instant. */
export class ExpressionSchedule implements Schedule {
  readonly kind = 'expression';
  readonly timezone: string;
  readonly #expressions: readonly Expression[];

  /** @throws Error croner's own: one of `texts` is not a cron expression of 5 or 6 fields */
  constructor(options: { texts: readonly string[]; timezone: string }) {
    this.timezone = options.timezone;
    this.#expressions = options.texts.map((text) => new Expression(text, options.timezone));
  }

  /** @throws RangeError also if no expression is due before the year 3000, the end of croner's calendar. */
  next(after: Date): Date {
    const instant = instantOf(after);
    const due = this.#expressions.flatMap((expression) => expression.next(instant) ?? []);
    if (due.length === 0)
      throw new RangeError(`no further occurrence before the year 3000: ${this.describe()}`);
    return dateOf(Math.min(...due));
  }

  describe(): string {
    return `cron ${this.#expressions.map(({ text }) => `"${text}"`).join(' and ')} (${this.timezone})`;
  }
}
