// Properties that hold for every schedule, of any kind.
import { describe, expect, it } from 'vitest';
import { ExpressionSchedule } from '../../src/schedule/expression.ts';
import { IntervalSchedule, unitMs, type Unit } from '../../src/schedule/interval.ts';
import { upcoming, type Schedule } from '../../src/schedule/schedule.ts';
import { TimeOfDaySchedule } from '../../src/schedule/time-of-day.ts';
import { seeded, type Random } from './random.ts';
import { fieldsFor, instantFor, zones } from './sample.ts';

const samples = 150;

const kinds: Readonly<Record<Schedule['kind'], (random: Random, timezone: string, start: Date) => Schedule>> =
  {
    interval: (random, timezone, start) => {
      const amount = random.between(1, 9999) / random.oneOf([1, 2, 3, 7, 1000]);
      return new IntervalSchedule({
        amount,
        unit: random.oneOf(Object.keys(unitMs) as Unit[]),
        start,
        timezone,
      });
    },
    'time-of-day': (random, timezone, start) => {
      const part = (high: number) => String(random.between(0, high)).padStart(2, '0');
      const timeOfDay = `${random.oneOf(['00', '01', '02', '03', '23', part(23)])}:${part(59)}:${part(59)}`;
      return new TimeOfDaySchedule({ timeOfDay, days: random.oneOf([1, 2, 7, 30, 366]), start, timezone });
    },
    expression: (random, timezone) => {
      const texts = Array.from({ length: random.between(1, 3) }, () => {
        const { time, dayOfMonth, month, dayOfWeek } = fieldsFor(random);
        // A month together with a day could never be due, so months stay open then.
        return `${time} ${dayOfMonth} ${dayOfMonth === '*' ? month : '*'} ${dayOfWeek}`;
      });
      return new ExpressionSchedule({ texts, timezone });
    },
  };

describe.each(Object.entries(kinds))('next, of the kind %s', (kind, make) => {
  it(`is later each time, never past, and found again from just before, in ${samples} samples`, () => {
    const random = seeded(kind.length);
    for (let sample = 0; sample < samples; sample++) {
      const timezone = random.oneOf(zones);
      const start = instantFor(random, timezone);
      const schedule = make(random, timezone, start);
      const after = new Date(instantFor(random, timezone).getTime() + random.between(0, 999));
      const label = `${schedule.describe()} in ${timezone} from ${start.toISOString()} after ${after.toISOString()}`;
      let last = after;
      for (const next of upcoming(schedule, after, 40)) {
        expect(next.getTime(), label).toBeGreaterThan(last.getTime());
        // Nothing is due in between, from wherever the search begins.
        const gap = next.getTime() - last.getTime();
        for (const later of [0, random.between(0, gap - 1), gap - 1]) {
          expect(schedule.next(new Date(last.getTime() + later)), label).toEqual(next);
        }
        last = next;
      }
    }
  });
});

describe('the upcoming occurrences', () => {
  it('end with the calendar; after its end they are an error', () => {
    const leapDays = new ExpressionSchedule({ texts: ['0 0 29 2 *'], timezone: 'UTC' });
    expect(upcoming(leapDays, new Date('2990-01-01'), 5).map((date) => date.getUTCFullYear())).toEqual([
      2992, 2996,
    ]);
    expect(() => upcoming(leapDays, new Date('2998-01-01'), 5)).toThrow(RangeError);
  });
});
