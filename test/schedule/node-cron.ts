// node-cron 4.6.0 as a second opinion, and where its opinion is another one. Owns the differences, with their reasons.
import { createTask } from 'node-cron';
import { vi } from 'vitest';

/** Where svchost names other instants than node-cron does. Each must be met in the test, or it is none any more. */
export const differences = {
  bothDayFields:
    'node-cron wants both day fields to match; POSIX crontab, and so svchost, either one. Asked for each field alone, node-cron names the same days.',
  gap: 'A fixed time that a clock change skips: svchost runs it at the first instant after the gap, as CRON_RUN_AT; node-cron not at all that day.',
  overlap:
    'Times that a clock change shows twice: node-cron runs all of them once, so "every 10 minutes" stands still for an hour. svchost runs those with a wildcard or step both times.',
  overlapPass:
    'A fixed time that comes twice: svchost runs it the first time; node-cron the first time west of Greenwich, the second time east of it.',
} as const;

/** What one of the two can read and the other cannot, or reads as something else; none of it is in the generated set. */
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
 * The next `count` instants that node-cron names strictly after `after`. It can be asked about now only, so the caller
 * must have faked Date.
 */
export function nodeCronRuns(text: string, timezone: string, after: Date, count: number): Date[] {
  vi.setSystemTime(after);
  return createTask(text, () => undefined, { timezone }).getNextRuns(count);
}

/** Whether the clocks of `timezone` show a time at `instant` that matches, as node-cron sees it. */
export function nodeCronMatcher(text: string, timezone: string): (instant: Date) => boolean {
  const task = createTask(text, () => undefined, { timezone });
  return (instant) => task.match(instant);
}
