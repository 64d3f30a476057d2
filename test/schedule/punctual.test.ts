// A schedule on the real clock, for a few seconds: that it keeps to its grid. bench/schedule.ts measures how
// punctually.
import { expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { IntervalSchedule } from '../../src/schedule/interval.ts';
import { ScheduleRunner, type Skipped } from '../../src/schedule/runner.ts';

it('runs each occurrence of its grid once, never early, and does not drift', async () => {
  const start = new Date();
  const schedule = new IntervalSchedule({ amount: 0.05, unit: 'seconds', start, timezone: 'UTC' });
  const runs: { occurrence: number; at: number }[] = [];
  const skips: Skipped[] = [];
  const runner = new ScheduleRunner({
    schedule,
    clock: systemClock,
    onDue: (occurrence) => {
      runs.push({ occurrence: occurrence.getTime(), at: Date.now() });
      if (runs.length === 60) runner.drain();
      return Promise.resolve();
    },
    onSkipped: (skipped) => skips.push(skipped),
  });
  await runner.run(false);
  expect(runs.every(({ occurrence, at }) => at >= occurrence)).toBe(true);
  expect(runs.every(({ occurrence }) => (occurrence - start.getTime()) % 50 === 0)).toBe(true);
  // On a busy machine a run may be too late for the next occurrence, which is then reported and not made up for.
  const skipped = skips.reduce((sum, { count }) => sum + count, 0);
  expect(runs.at(-1)!.occurrence - start.getTime()).toBe((60 + skipped) * 50);
});
