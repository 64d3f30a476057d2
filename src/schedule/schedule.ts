// A schedule: a pure rule that says when something is due. runner.ts runs it.

/** A rule that names every occurrence: the instants at which a schedule is due. Holds no state and asks no clock. */
export interface Schedule {
  readonly kind: 'interval' | 'time-of-day' | 'expression';
  /** The IANA name of the zone that wall-clock times are meant in, and that instants are shown in. */
  readonly timezone: string;
  /**
   * The first occurrence strictly after `after`. Depends on nothing but `after`, so asking again after a jump of the
   * clock, in either direction, is always right.
   * @throws RangeError when `after` is not a date, or no occurrence follows that a date can hold.
   */
  next(after: Date): Date;
  /** The schedule in plain English, e.g. `every day at 07:32:00 (Europe/Berlin)`. */
  describe(): string;
}

/** The next `count` occurrences strictly after `after`; fewer if the calendar ends first. */
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

/** The instant of `date` in milliseconds since the epoch. @throws RangeError when it is not a date. */
export function instantOf(date: Date): number {
  const instant = date.getTime();
  if (Number.isNaN(instant))
    throw new RangeError('a schedule was asked for the occurrence after an invalid date');
  return instant;
}

/** `instant` as a date. @throws RangeError when it is past the last one that a date can hold. */
export function dateOf(instant: number): Date {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) throw new RangeError('no further occurrence: it is past the year 275760');
  return date;
}
