// The runner on a test clock: the time of each call, and the skipped occurrences.
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ScheduleRunner, type Skipped } from '../../src/schedule/runner.ts';
import { readSchedule, type ScheduleVariables } from '../../src/schedule/read.ts';
import { TestClock } from '../../src/testing/clock.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const every10Seconds = { CRON_TIME_AMOUNT: '10', CRON_TIME_UNIT: 'seconds' };
const daily = { CRON_TIME_AMOUNT: '1', CRON_TIME_UNIT: 'days', CRON_RUN_AT: '07:32' };

interface Started {
  readonly clock: TestClock;
  readonly runner: ScheduleRunner;
  /** The occurrences of the calls, as `HH:MM:SS` or, on another day than the first, in full. */
  readonly called: string[];
  readonly skipped: Skipped[];
  readonly running: Promise<void>;
  /** The largest number of calls in progress at once. */
  readonly most: () => number;
  /** The longest delay that a timer was set for. */
  readonly longestDelayMs: () => number;
}

/** A runner of a schedule in UTC, whose calls take `workMs` of the clock. */
function start(
  variables: ScheduleVariables,
  { from = '2026-01-01T00:00:00Z', workMs = 0, atOnce = false } = {},
): Started {
  const clock = new TestClock(new Date(from));
  const after = vi.spyOn(clock, 'after');
  const read = readSchedule({ CRON_TIMEZONE: 'UTC', ...variables }, new Date(from), undefined);
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  const called: string[] = [];
  const skipped: Skipped[] = [];
  let now = 0;
  let most = 0;
  const runner = new ScheduleRunner({
    schedule: read.schedule,
    clock,
    onDue: async (occurrence) => {
      called.push(show(occurrence, from));
      most = Math.max(most, ++now);
      if (workMs > 0) await new Promise<void>((resolve) => clock.after(workMs, resolve));
      now--;
    },
    onSkipped: (skip) => skipped.push(skip),
  });
  const running = runner.run(atOnce);
  running.catch(() => undefined);
  onTestFinished(() => runner.drain());
  const longestDelayMs = () => Math.max(...after.mock.calls.map(([delayMs]) => delayMs));
  return { clock, runner, called, skipped, running, most: () => most, longestDelayMs };
}

function show(occurrence: Date, from: string): string {
  const text = occurrence.toISOString();
  return text.startsWith(from.slice(0, 10)) ? text.slice(11, 19) : text.slice(0, 19);
}

describe('on a clock that nobody moves', () => {
  it('calls at each occurrence, first one interval after the start', async () => {
    const { clock, called, skipped } = start(every10Seconds);
    await clock.advance(9_999);
    expect(called).toEqual([]);
    await clock.advance(1);
    expect(called).toEqual(['00:00:10']);
    await clock.advance(20 * second);
    expect(called).toEqual(['00:00:10', '00:00:20', '00:00:30']);
    expect(skipped).toEqual([]);
  });

  it('also calls at the start if requested, and then as usual', async () => {
    const { clock, called } = start(every10Seconds, { atOnce: true });
    await clock.advance(10 * second);
    expect(called).toEqual(['00:00:00', '00:00:10']);
  });

  it('does not drift by the length of the work', async () => {
    const { clock, called, skipped } = start(every10Seconds, { workMs: 7 * second });
    await clock.advance(48 * second);
    expect(called).toEqual(['00:00:10', '00:00:20', '00:00:30', '00:00:40']);
    expect(skipped).toEqual([]);
  });

  it('calls one at a time; occurrences that fall due meanwhile are skipped and counted, and the next future one follows', async () => {
    const { clock, called, skipped, most } = start(every10Seconds, { workMs: 35 * second });
    await clock.advance(90 * second);
    expect(called).toEqual(['00:00:10', '00:00:50', '00:01:30']);
    expect(skipped).toEqual([
      { reason: 'busy', first: new Date('2026-01-01T00:00:20Z'), count: 3 },
      { reason: 'busy', first: new Date('2026-01-01T00:01:00Z'), count: 3 },
    ]);
    expect(most()).toBe(1);
  });

  it('counts an occurrence at the very end of the work as one that fell due during it', async () => {
    const { clock, called, skipped } = start(every10Seconds, { workMs: 10 * second });
    await clock.advance(39 * second);
    expect(called).toEqual(['00:00:10', '00:00:30']);
    expect(skipped.map(({ count }) => count)).toEqual([1]);
  });

  // A timer of more than 2^31 - 1 ms, which is 24.8 days, fires at once.
  it.each<[string, ScheduleVariables, number, string]>([
    ['5 weeks', { CRON_TIME_AMOUNT: '5', CRON_TIME_UNIT: 'weeks' }, 35 * day, '2026-02-05T00:00:00'],
    ['for the day of a year', { CRON_EXPRESSIONS: '0 0 10 2 *' }, 40 * day, '2026-02-10T00:00:00'],
  ])('waits %s, and not a millisecond less', async (_what, variables, waitMs, due) => {
    const { clock, called, longestDelayMs } = start(variables);
    await clock.advance(waitMs - 1);
    expect(called).toEqual([]);
    await clock.advance(1);
    expect(called).toEqual([due]);
    expect(longestDelayMs()).toBeLessThanOrEqual(30 * second);
  });

  it('rejects if the calendar has no further occurrence', async () => {
    const { clock, called, running } = start(
      { CRON_EXPRESSIONS: '0 0 1 6 *' },
      { from: '2999-01-01T00:00:00Z' },
    );
    clock.step(151 * day);
    await clock.advance(30 * second);
    await expect(running).rejects.toThrow('no further occurrence');
    expect(called).toEqual(['2999-06-01T00:00:00']);
  });
});

describe('drained', () => {
  it('makes no more calls, and ends once the work has', async () => {
    const { clock, runner, called, running } = start(every10Seconds, { workMs: 5 * second });
    await clock.advance(12 * second);
    runner.drain();
    let ended = false;
    void running.then(() => (ended = true));
    await clock.advance(2 * second);
    expect(ended).toBe(false);
    await clock.advance(1 * second);
    expect(ended).toBe(true);
    await clock.advance(1 * minute);
    expect(called).toEqual(['00:00:10']);
  });

  it('ends at once while it waits', async () => {
    const { runner, called, running } = start(every10Seconds);
    runner.drain();
    await running;
    expect(called).toEqual([]);
  });
});

describe('on a clock that is set forward, or a machine that slept', () => {
  it('calls once for the latest occurrence, skips earlier ones, and continues with the next', async () => {
    const { clock, called, skipped } = start(every10Seconds);
    await clock.advance(5 * second);
    clock.step(8 * hour);
    await clock.advance(10 * second);
    // It checked the time at 08:00:10, when the timer for 00:00:10 fired.
    expect(called).toEqual(['08:00:10']);
    expect(skipped).toEqual([
      // 2880 were due before it.
      { reason: 'late', first: new Date('2026-01-01T00:00:10Z'), count: 1000 },
    ]);
    await clock.advance(10 * second);
    expect(called).toEqual(['08:00:10', '08:00:20']);
  });

  it('does not lose a daily run in the skipped time, and calls for it within 30 s', async () => {
    const { clock, called, skipped } = start(daily);
    await clock.advance(7 * hour);
    clock.step(2 * hour);
    await clock.advance(30 * second);
    expect(called).toEqual(['07:32:00']);
    expect(skipped).toEqual([]);
    await clock.advance(day);
    expect(called).toEqual(['07:32:00', '2026-01-02T07:32:00']);
  });

  it('calls for the last of several daily runs', async () => {
    const { clock, called, skipped } = start(daily);
    clock.step(3 * day);
    await clock.advance(30 * second);
    expect(called).toEqual(['2026-01-03T07:32:00']);
    expect(skipped).toEqual([{ reason: 'late', first: new Date('2026-01-01T07:32:00Z'), count: 2 }]);
  });

  it('finds the latest of a million at once', async () => {
    const { clock, called } = start({ CRON_EXPRESSIONS: '* * * * * *' });
    clock.step(30 * day);
    const startedAt = performance.now();
    await clock.advance(1 * second);
    expect(called).toEqual(['2026-01-31T00:00:01']);
    // 2.6 million steps of the calendar take half a minute.
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  it('calls on time if a small step happens during the wait', async () => {
    const { clock, called } = start(every10Seconds);
    await clock.advance(5 * second);
    clock.step(2 * second);
    await clock.advance(5 * second);
    expect(called).toEqual(['00:00:10']);
    await clock.advance(8 * second);
    expect(called).toEqual(['00:00:10', '00:00:20']);
  });
});

describe('on a clock that is set back', () => {
  it.each([
    ['3 s', 3 * second],
    ['a minute', minute],
    ['6 hours', 6 * hour],
  ])('by %s does not call for a daily run twice, and loses none', async (_what, stepMs) => {
    const { clock, called } = start(daily);
    await clock.advance(7 * hour + 32 * minute + second);
    clock.step(-stepMs);
    await clock.advance(day + stepMs);
    expect(called).toEqual(['07:32:00', '2026-01-02T07:32:00']);
  });

  it('by an hour is not silent for an hour', async () => {
    const { clock, called } = start(every10Seconds, { from: '2026-01-01T12:00:00Z' });
    await clock.advance(25 * second);
    clock.step(-1 * hour);
    await clock.advance(40 * second);
    // It is noticed when the timer for 12:00:30 fires, at 11:00:30.
    expect(called).toEqual(['12:00:10', '12:00:20', '11:00:40', '11:00:50', '11:01:00']);
  });

  it('while it waits, by less than it has waited, calls neither early nor twice', async () => {
    const { clock, called } = start(every10Seconds);
    await clock.advance(6 * second);
    clock.step(-4 * second);
    await clock.advance(7 * second);
    expect(called).toEqual([]);
    await clock.advance(1 * second);
    expect(called).toEqual(['00:00:10']);
  });

  it('during a run continues with the next occurrence that had no call', async () => {
    const { clock, called } = start(every10Seconds, { workMs: 4 * second });
    await clock.advance(12 * second);
    clock.step(-8 * second);
    // The run ends at 00:00:06; the call for 00:00:10 has been made.
    await clock.advance(20 * second);
    expect(called).toEqual(['00:00:10', '00:00:20']);
  });
});
