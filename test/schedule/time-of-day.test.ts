// A time of day in a time zone, on the days on which its clocks change.
import { describe, expect, it } from 'vitest';
import { ExpressionSchedule } from '../../src/schedule/expression.ts';
import { upcoming } from '../../src/schedule/schedule.ts';
import { TimeOfDaySchedule } from '../../src/schedule/time-of-day.ts';
import { formatInstant } from '../../src/schedule/wall-clock.ts';
import { seeded } from './random.ts';
import { instantFor, zones } from './sample.ts';

function runs(timeOfDay: string, days: number, timezone: string, start: string, count = 3): string[] {
  const schedule = new TimeOfDaySchedule({ timeOfDay, days, start: new Date(start), timezone });
  return upcoming(schedule, new Date(start), count).map((date) => formatInstant(date, timezone));
}

describe('a time of day', () => {
  it.each([
    ['still ahead', '2026-01-10T07:31:59+01:00', '2026-01-10T07:32:00+01:00', '2026-01-11T07:32:00+01:00'],
    ['now', '2026-01-10T07:32:00+01:00', '2026-01-11T07:32:00+01:00', '2026-01-12T07:32:00+01:00'],
    ['past', '2026-01-10T07:32:01+01:00', '2026-01-11T07:32:00+01:00', '2026-01-12T07:32:00+01:00'],
    [
      'of the zone, not of UTC',
      '2026-01-09T23:30:00Z',
      '2026-01-10T07:32:00+01:00',
      '2026-01-11T07:32:00+01:00',
    ],
  ])('that is %s at the start', (_, start, first, second) => {
    expect(runs('07:32:00', 1, 'Europe/Berlin', start, 2)).toEqual([first, second]);
  });

  it.each([
    ['ahead', '2026-01-10T06:00:00Z', ['2026-01-10T07:32:00+00:00', '2026-01-13T07:32:00+00:00']],
    ['past', '2026-01-10T08:00:00Z', ['2026-01-13T07:32:00+00:00', '2026-01-16T07:32:00+00:00']],
  ])('every 3 days, %s at the start, counts from the date of the start', (_, start, expected) => {
    expect(runs('07:32:00', 3, 'UTC', start, 2)).toEqual(expected);
  });

  it.each([
    [
      'Europe/Berlin',
      '02:30:00',
      '2026-03-28T00:00:00Z',
      ['2026-03-28T02:30:00+01:00', '2026-03-29T03:00:00+02:00', '2026-03-30T02:30:00+02:00'],
    ],
    [
      'Europe/Berlin',
      '03:00:00',
      '2026-03-28T00:00:00Z',
      ['2026-03-28T03:00:00+01:00', '2026-03-29T03:00:00+02:00', '2026-03-30T03:00:00+02:00'],
    ],
    [
      'Europe/Berlin',
      '02:30:00',
      '2026-10-24T00:00:00Z',
      ['2026-10-24T02:30:00+02:00', '2026-10-25T02:30:00+02:00', '2026-10-26T02:30:00+01:00'],
    ],
    [
      'America/New_York',
      '02:00:00',
      '2026-03-07T05:00:00Z',
      ['2026-03-07T02:00:00-05:00', '2026-03-08T03:00:00-04:00', '2026-03-09T02:00:00-04:00'],
    ],
    [
      'America/New_York',
      '01:59:59',
      '2026-10-31T04:00:00Z',
      ['2026-10-31T01:59:59-04:00', '2026-11-01T01:59:59-04:00', '2026-11-02T01:59:59-05:00'],
    ],
    [
      'America/Santiago',
      '00:30:00',
      '2026-09-05T04:00:00Z',
      ['2026-09-05T00:30:00-04:00', '2026-09-06T01:00:00-03:00', '2026-09-07T00:30:00-03:00'],
    ],
    [
      'America/Santiago',
      '23:30:00',
      '2026-04-03T15:00:00Z',
      ['2026-04-03T23:30:00-03:00', '2026-04-04T23:30:00-03:00', '2026-04-05T23:30:00-04:00'],
    ],
    [
      'Australia/Lord_Howe',
      '02:15:00',
      '2026-10-02T14:00:00Z',
      ['2026-10-03T02:15:00+10:30', '2026-10-04T02:30:00+11:00', '2026-10-05T02:15:00+11:00'],
    ],
    [
      'Australia/Lord_Howe',
      '01:45:00',
      '2026-04-03T13:00:00Z',
      ['2026-04-04T01:45:00+11:00', '2026-04-05T01:45:00+11:00', '2026-04-06T01:45:00+10:30'],
    ],
    [
      'Asia/Kathmandu',
      '02:30:00',
      '2026-03-28T00:00:00Z',
      ['2026-03-29T02:30:00+05:45', '2026-03-30T02:30:00+05:45', '2026-03-31T02:30:00+05:45'],
    ],
    [
      'America/Nuuk',
      '23:30:00',
      '2026-03-27T12:00:00Z',
      ['2026-03-27T23:30:00-02:00', '2026-03-29T00:00:00-01:00', '2026-03-29T23:30:00-01:00'],
    ],
    [
      'Europe/Berlin',
      '12:00:00',
      '2028-02-28T00:00:00Z',
      ['2028-02-28T12:00:00+01:00', '2028-02-29T12:00:00+01:00', '2028-03-01T12:00:00+01:00'],
    ],
    [
      'Europe/Berlin',
      '00:00:00',
      '2026-12-31T12:00:00Z',
      ['2027-01-01T00:00:00+01:00', '2027-01-02T00:00:00+01:00', '2027-01-03T00:00:00+01:00'],
    ],
  ])('in %s at %s, from %s', (timezone, timeOfDay, start, expected) => {
    expect(runs(timeOfDay, 1, timezone, start)).toEqual(expected);
  });

  it('is not due again when the wall clock shows it a second time', () => {
    expect(runs('02:30:00', 2, 'Europe/Berlin', '2026-10-25T01:10:00Z', 1)).toEqual([
      '2026-10-27T02:30:00+01:00',
    ]);
  });

  it('keeps its days through years of clock changes and leap days', () => {
    const dates = runs('02:30:00', 7, 'Europe/Berlin', '2026-01-03T00:00:00Z', 600);
    for (const [week, date] of dates.entries()) {
      const expected = new Date(Date.UTC(2026, 0, 3 + week * 7)).toISOString().slice(0, 10);
      expect(date.slice(0, 10)).toBe(expected);
    }
  });

  it('may be centuries apart', () => {
    expect(runs('12:00:00', 365_242, 'UTC', '2026-01-01T13:00:00Z', 1)).toEqual([
      '3026-01-01T12:00:00+00:00',
    ]);
  });

  it('every day is the same as the equivalent cron expression, in every time zone and on every day', () => {
    const random = seeded(11);
    for (let sample = 0; sample < 200; sample++) {
      const timezone = random.oneOf(zones);
      const [hour, minute, second] = [
        random.oneOf([0, 1, 2, 3, 12, 23]),
        random.between(0, 59),
        random.between(0, 59),
      ];
      const timeOfDay = [hour, minute, second].map((part) => String(part).padStart(2, '0')).join(':');
      const start = instantFor(random, timezone);
      const expression = new ExpressionSchedule({ texts: [`${second} ${minute} ${hour} * * *`], timezone });
      const schedule = new TimeOfDaySchedule({ timeOfDay, days: 1, start, timezone });
      const label = `${timeOfDay} in ${timezone} from ${start.toISOString()}`;
      expect(upcoming(schedule, start, 20), label).toEqual(upcoming(expression, start, 20));
    }
  });

  it('is described with its time zone', () => {
    const words = (days: number) =>
      new TimeOfDaySchedule({
        timeOfDay: '07:32:00',
        days,
        start: new Date(0),
        timezone: 'Europe/Berlin',
      }).describe();
    expect(words(1)).toBe('every day at 07:32:00 (Europe/Berlin)');
    expect(words(3)).toBe('every 3 days at 07:32:00 (Europe/Berlin)');
  });

  it('ends with the last possible date, with an error and not an invalid date', () => {
    const schedule = new TimeOfDaySchedule({
      timeOfDay: '07:32:00',
      days: 1,
      start: new Date(0),
      timezone: 'UTC',
    });
    expect(() => schedule.next(new Date(8.64e15))).toThrow(RangeError);
    expect(() => schedule.next(new Date(NaN))).toThrow(RangeError);
  });
});
