// node-cron and svchost name the same instants, except for the differences listed in node-cron.ts.
import { validate } from 'node-cron';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ExpressionSchedule, isExpression } from '../../src/schedule/expression.ts';
import { upcoming, type Schedule } from '../../src/schedule/schedule.ts';
import { formatInstant, instantAt, wallClockAt } from '../../src/schedule/wall-clock.ts';
import { dialects, differences, nodeCronMatcher, nodeCronRuns } from './node-cron.ts';
import { seeded } from './random.ts';
import { clockChanges, fieldsFor, instantFor, zones, type Fields } from './sample.ts';

const sampleSize = 150;
const runCount = 200;

beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterAll(() => void vi.useRealTimers());

type Difference = keyof typeof differences;

const textOf = ({ time, dayOfMonth, month, dayOfWeek }: Fields) =>
  `${time} ${dayOfMonth} ${month} ${dayOfWeek}`;

/** node-cron's expressions for the same days: with both day fields, one for each. */
function forNodeCron(fields: Fields): string[] {
  if (fields.dayOfMonth === '*' || fields.dayOfWeek === '*') return [textOf(fields)];
  return [textOf({ ...fields, dayOfMonth: '*' }), textOf({ ...fields, dayOfWeek: '*' })];
}

/** Ascending, without duplicates. */
const merged = (dates: readonly Date[]) =>
  [...new Set(dates.map((date) => date.getTime()))].sort((a, b) => a - b).map((instant) => new Date(instant));

/**
 * The next instants that svchost names and node-cron should too; counts each known difference. Fewer than `runCount`
 * only if croner's calendar ends, as with a fifth Monday on 29 February.
 */
function sharedRuns(schedule: Schedule, texts: readonly string[], after: Date, met: Set<Difference>): Date[] {
  const matchers = texts.map((text) => nodeCronMatcher(text, schedule.timezone));
  const shared: Date[] = [];
  for (let [instant] = upcoming(schedule, after, 1); instant; [instant] = upcoming(schedule, instant, 1)) {
    const due = instant;
    const wallClock = wallClockAt(due.getTime(), schedule.timezone);
    if (!matchers.some((matches) => matches(due))) met.add('gap');
    else if (instantAt(wallClock, schedule.timezone) < due.getTime()) met.add('overlap');
    else shared.push(due);
    if (shared.length === runCount || due.getUTCFullYear() > 2950) break;
  }
  return shared;
}

describe('node-cron, for the same expressions', () => {
  it(`names the same next ${runCount} instants in ${sampleSize} generated cases, except for the listed differences`, () => {
    const random = seeded(4);
    const met = new Set<Difference>();
    let compared = 0;
    for (let sample = 0; sample < sampleSize; sample++) {
      const timezone = random.oneOf(zones);
      const fields = fieldsFor(random);
      const after = instantFor(random, timezone);
      const texts = forNodeCron(fields);
      if (texts.length === 2) met.add('bothDayFields');

      const schedule = new ExpressionSchedule({ texts: [textOf(fields)], timezone });
      const ours = sharedRuns(schedule, texts, after, met);
      const theirs = merged(texts.flatMap((text) => nodeCronRuns(text, timezone, after, runCount)));
      const clock = (instant: Date) => formatInstant(instant, timezone).slice(0, 19);
      const label = `${textOf(fields)} in ${timezone} after ${after.toISOString()}`;
      expect(ours.map(clock), label).toEqual(theirs.slice(0, ours.length).map(clock));
      for (const [index, instant] of ours.entries()) {
        const other = theirs[index]!;
        if (instant.getTime() === other.getTime()) continue;
        // The same wall-clock time at another instant: only an overlap has that, and ours must be the earlier one.
        expect(instant.getTime(), label).toBeLessThan(other.getTime());
        met.add('overlapPass');
      }
      compared += ours.length;
    }
    expect(compared).toBeGreaterThan(sampleSize * runCount * 0.95);
    expect([...met].sort()).toEqual(Object.keys(differences).sort());
  });

  const onChangeDays = [
    '* * * * *',
    '*/10 * * * *',
    '0 * * * *',
    '*/7 1-3 * * *',
    '0 */2 * * *',
    '30 23,0-2/1 * * *',
  ];
  const changes = Object.entries(clockChanges).flatMap(([timezone, instants]) =>
    instants.flatMap((instant) => onChangeDays.map((text) => ({ text, timezone, instant }))),
  );
  it.each(changes)(
    'matches each due minute of "$text" around $instant in $timezone, and no other',
    (change) => {
      const { text, timezone, instant } = change;
      const from = Date.parse(instant) - 26 * 3_600_000;
      const minutes = Array.from({ length: 52 * 60 }, (_, minute) => new Date(from + (minute + 1) * 60_000));
      const matching = minutes.filter(nodeCronMatcher(text, timezone));
      const ours = upcoming(
        new ExpressionSchedule({ texts: [text], timezone }),
        new Date(from),
        matching.length + 1,
      );
      expect(ours.slice(0, -1)).toEqual(matching);
      expect(ours.at(-1)!.getTime()).toBeGreaterThan(minutes.at(-1)!.getTime());
    },
  );

  it.each(dialects)('reads "$text" differently: $reason', ({ text, svchost, nodeCron }) => {
    expect([isExpression(text), validate(text)]).toEqual([svchost, nodeCron]);
  });
});
