// A schedule: a pure rule that says when something is due. runner.ts runs it.

/** A rule that names every occurrence: the instants at which a schedule is due. Holds no state and asks no clock. */
export interface Schedule {
  readonly kind: 'interval' | 'time-of-day' | 'expression';
  /** The IANA name of the zone in which wall-clock times are meant, and instants are shown. */
  readonly timezone: string;
  /**
   * The first occurrence strictly after `after`. Depends on nothing but `after`, so asking again after a jump of the
   * clock, in either direction, is always right.
   * @throws RangeError `after` is not a date, or no occurrence follows that a date can hold
   */
  next(after: Date): Date;
  /** The schedule in plain English, e.g. `every day at 07:32:00 (Europe/Berlin)`. */
  describe(): string;
}

/**
 * The next `count` occurrences strictly after `after`; fewer if the calendar ends first.
 *
 * @throws RangeError there is none
 */
export function upcoming(schedule: Schedule, after: Date, count: number): Date[] {
  const occurrences: Date[] = [];
  try {
    let from = after;
    while (occurrences.length < count) {
      from = schedule.next(from);
      occurrences.push(from);
    }
  } catch (error) {
    if (!(error instanceof RangeError) || occurrences.length === 0) throw error;
  }
  return occurrences;
}

/**
 * The instant of `date`, in milliseconds since the epoch.
 *
 * @throws RangeError it is not a date
 */
export function instantOf(date: Date): number {
  const instant = date.getTime();
  if (Number.isNaN(instant)) throw new RangeError('no occurrence follows an invalid date');
  return instant;
}

/**
 * `instant`, in milliseconds since the epoch, as a date.
 *
 * @throws RangeError it is past the last one that a date can hold
 */
export function dateOf(instant: number): Date {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime()))
    throw new RangeError('no further occurrence: it would be past the year 275760');
  return date;
}
