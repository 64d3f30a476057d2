// node-cron 4.6.0 as a second opinion. Lists its differences from svchost, with their reasons.
import { createTask } from 'node-cron';
import { vi } from 'vitest';

/**
 * The cases in which svchost names other instants than node-cron. Each must occur in the test, or it must be removed
 * from here.
 */
export const differences = {
  bothDayFields:
    'node-cron wants both day fields to match; POSIX crontab, and so svchost, either one. Asked for each field alone, node-cron names the same days.',
  gap: 'A fixed time that a clock change skips: svchost runs it at the first instant after the gap, as CRON_RUN_AT; node-cron not at all that day.',
  overlap:
    'Times that a clock change shows twice: node-cron runs all of them once, so "every 10 minutes" stands still for an hour. svchost runs those with a wildcard or step both times.',
  overlapPass:
    'A fixed time that comes twice: svchost runs it the first time; node-cron the first time west of Greenwich, the second time east of it.',
} as const;

/**
 * Expressions that only one of the two can read, or that they read differently; the generated set contains none of
 * them.
 */
export const dialects = [
  {
    text: '0 0 * * FRI-MON',
    svchost: false,
    nodeCron: true,
    reason: 'svchost wants ranges from low to high',
  },
  {
    text: '0 0 * * monday',
    svchost: false,
    nodeCron: true,
    reason: 'svchost knows the three-letter names only',
  },
  {
    text: '0 0 L-3 * *',
    svchost: false,
    nodeCron: true,
    reason: 'svchost has no days counted from the last',
  },
  {
    text: '0 0 * * FRI#L',
    svchost: true,
    nodeCron: false,
    reason: 'node-cron writes the last Friday 5L only',
  },
  { text: '0 0 1 * +MON', svchost: true, nodeCron: false, reason: 'croner has + for both day fields' },
  { text: '? 0 * * *', svchost: true, nodeCron: false, reason: 'node-cron knows ? in the day fields only' },
] as const;

/**
 * The next `count` instants that node-cron names strictly after `after`. It always starts from now, so the caller must
 * have faked Date.
 */
export function nodeCronRuns(text: string, timezone: string, after: Date, count: number): Date[] {
  vi.setSystemTime(after);
  return createTask(text, () => undefined, { timezone }).getNextRuns(count);
}

/** Whether the wall clock of `timezone` at `instant` matches, according to node-cron. */
export function nodeCronMatcher(text: string, timezone: string): (instant: Date) => boolean {
  const task = createTask(text, () => undefined, { timezone });
  return (instant) => task.match(instant);
}
