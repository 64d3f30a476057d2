// A grid of instants that begins at the start.
import { describe, expect, it } from 'vitest';
import { IntervalSchedule, type Unit } from '../../src/schedule/interval.ts';
import { upcoming } from '../../src/schedule/schedule.ts';

const start = new Date('2026-03-28T23:59:59.750Z');
const every = (amount: number, unit: Unit) =>
  new IntervalSchedule({ amount, unit, start, timezone: 'Europe/Berlin' });
const iso = (dates: readonly Date[]) => dates.map((date) => date.toISOString());

describe('an interval', () => {
  it.each<[number, Unit, string, string]>([
    [0.5, 'seconds', '2026-03-29T00:00:00.250Z', '2026-03-29T00:00:00.750Z'],
    [1, 'seconds', '2026-03-29T00:00:00.750Z', '2026-03-29T00:00:01.750Z'],
    [1.5, 'minutes', '2026-03-29T00:01:29.750Z', '2026-03-29T00:02:59.750Z'],
    [3, 'hours', '2026-03-29T02:59:59.750Z', '2026-03-29T05:59:59.750Z'],
    [1, 'days', '2026-03-29T23:59:59.750Z', '2026-03-30T23:59:59.750Z'],
    [1, 'weeks', '2026-04-04T23:59:59.750Z', '2026-04-11T23:59:59.750Z'],
    [520, 'weeks', '2036-03-15T23:59:59.750Z', '2046-03-03T23:59:59.750Z'],
  ])('of %s %s is due one interval after the start, and again one later', (amount, unit, first, second) => {
    expect(iso(upcoming(every(amount, unit), start, 2))).toEqual([first, second]);
  });

  it('is due at the next point of the grid, however long the work took', () => {
    const late = new Date('2026-03-29T00:00:31.000Z');
    expect(iso(upcoming(every(10, 'seconds'), late, 2))).toEqual([
      '2026-03-29T00:00:39.750Z',
      '2026-03-29T00:00:49.750Z',
    ]);
  });

  it('does not wait for the start again when a fast clock is set back', () => {
    const hourEarlier = new Date(start.getTime() - 3_600_000 - 4_000);
    expect(every(10, 'seconds').next(hourEarlier)).toEqual(new Date(start.getTime() - 3_600_000));
  });

  it('of a fractional number of milliseconds does not drift by rounding', () => {
    const schedule = every(0.0333, 'seconds');
    const thousandth = start.getTime() + 33_300;
    expect(schedule.next(new Date(thousandth - 1))).toEqual(new Date(thousandth));
    expect(schedule.next(start)).toEqual(new Date(start.getTime() + 33));
  });

  it('of one millisecond is due every millisecond', () => {
    expect(every(0.001, 'seconds').next(start)).toEqual(new Date(start.getTime() + 1));
  });

  it('ends with the last possible date, with an error and not an invalid date', () => {
    const last = new Date(8.64e15);
    expect(() => every(1, 'weeks').next(last)).toThrow(RangeError);
    expect(upcoming(every(1, 'weeks'), new Date(8.64e15 - 604_800_000), 5)).toHaveLength(1);
  });

  it('has no occurrence after an invalid date', () => {
    expect(() => every(1, 'weeks').next(new Date(NaN))).toThrow(RangeError);
  });

  it.each<[number, Unit, string]>([
    [0.5, 'seconds', 'every 0.5 seconds'],
    [1, 'hours', 'every hour'],
    [2, 'weeks', 'every 2 weeks'],
  ])('of %s %s is described as "%s"', (amount, unit, words) => {
    expect(every(amount, unit).describe()).toBe(words);
  });
});
