// Finds past occurrences of a schedule, which itself only looks ahead. Pure.
import type { Schedule } from './schedule.ts';

/**
 * The latest occurrence that is no later than `until`. All instants are milliseconds since the epoch.
 *
 * @param due an occurrence no later than `until`; the result is that one or a later one
 */
export function latestUntil(schedule: Schedule, due: number, until: number): number {
  let latest = due;
  if (after(schedule, due) > until) return latest;
  // Searched from the end: after a machine has slept for a week, there may be a million occurrences since `due`.
  for (let spanMs = 1; spanMs < until - due; spanMs *= 2) {
    const candidate = after(schedule, until - spanMs);
    if (candidate > until) continue;
    latest = candidate;
    break;
  }
  for (let next = latest; next <= until; next = after(schedule, next)) latest = next;
  return latest;
}

/** How many occurrences are later than `from` and no later than `until`, at most `limit`. */
export function countBetween(schedule: Schedule, from: number, until: number, limit: number): number {
  let count = 0;
  for (let next = from; count < limit; count++) {
    if (next >= until) break;
    next = after(schedule, next);
    if (next > until) break;
  }
  return count;
}

/** The next occurrence; Infinity after the end of the calendar. */
function after(schedule: Schedule, instant: number): number {
  try {
    return schedule.next(new Date(instant)).getTime();
  } catch (error) {
    if (error instanceof RangeError) return Infinity;
    throw error;
  }
}
