// Cron expressions: their meaning, also when clocks change.
import { describe, expect, it } from 'vitest';
import { ExpressionSchedule, isExpression } from '../../src/schedule/expression.ts';
import { upcoming } from '../../src/schedule/schedule.ts';
import { formatInstant } from '../../src/schedule/wall-clock.ts';

function runs(texts: string | readonly string[], timezone: string, after: string, count = 3): string[] {
  const schedule = new ExpressionSchedule({ texts: [texts].flat(), timezone });
  return upcoming(schedule, new Date(after), count).map((date) => formatInstant(date, timezone));
}

/** The dates alone, for expressions about days; all in UTC, from the beginning of 2026 (a Thursday). */
const dates = (text: string, count = 3, after = '2025-12-31T23:59:59Z') =>
  runs(text, 'UTC', after, count).map((instant) => instant.slice(0, 10));

describe('the fields of an expression', () => {
  it.each([
    ['30 7 * * *', ['2026-01-01T07:30:00+00:00', '2026-01-02T07:30:00+00:00', '2026-01-03T07:30:00+00:00']],
    [
      '15 30 7 * * *',
      ['2026-01-01T07:30:15+00:00', '2026-01-02T07:30:15+00:00', '2026-01-03T07:30:15+00:00'],
    ],
    ['0,30 * * * *', ['2026-01-01T00:00:00+00:00', '2026-01-01T00:30:00+00:00', '2026-01-01T01:00:00+00:00']],
    [
      '*/20 * * * * *',
      ['2026-01-01T00:00:00+00:00', '2026-01-01T00:00:20+00:00', '2026-01-01T00:00:40+00:00'],
    ],
    [
      '10-30/10 5 * * *',
      ['2026-01-01T05:10:00+00:00', '2026-01-01T05:20:00+00:00', '2026-01-01T05:30:00+00:00'],
    ],
    ['@hourly', ['2026-01-01T00:00:00+00:00', '2026-01-01T01:00:00+00:00', '2026-01-01T02:00:00+00:00']],
  ])('%s: seconds come first, and are 0 if omitted', (text, expected) => {
    expect(runs(text, 'UTC', '2025-12-31T23:59:59.999Z')).toEqual(expected);
  });

  it.each([
    ['0 0 * * 0', ['2026-01-04', '2026-01-11', '2026-01-18'], '0 is Sunday'],
    ['0 0 * * 7', ['2026-01-04', '2026-01-11', '2026-01-18'], '7 is Sunday too'],
    ['0 0 * * 1', ['2026-01-05', '2026-01-12', '2026-01-19'], '1 is Monday'],
    ['0 0 * * fri', ['2026-01-02', '2026-01-09', '2026-01-16'], 'names, in any case'],
    ['0 0 * * SAT-SUN', ['2026-01-03', '2026-01-04', '2026-01-10'], 'a weekend'],
    ['0 0 * * 5-7', ['2026-01-02', '2026-01-03', '2026-01-04'], 'a range up to 7'],
    ['0 0 1 feb,Apr *', ['2026-02-01', '2026-04-01', '2027-02-01'], 'names of months'],
    ['0 0 13 * 5', ['2026-01-02', '2026-01-09', '2026-01-13'], 'both day fields: either matches'],
    ['0 0 13 * +5', ['2026-02-13', '2026-03-13', '2026-11-13'], 'both day fields with +: both match'],
    ['0 0 */10 * MON', ['2026-01-01', '2026-01-05', '2026-01-11'], 'a step is a restriction too'],
    ['0 0 ? * MON', ['2026-01-05', '2026-01-12', '2026-01-19'], '? is *'],
    ['0 0 L * *', ['2026-01-31', '2026-02-28', '2026-03-31'], 'the last day'],
    ['0 0 L,15 * *', ['2026-01-15', '2026-01-31', '2026-02-15'], 'the last day in a list'],
    ['0 0 LW * *', ['2026-01-30', '2026-02-27', '2026-03-31'], 'the last Monday to Friday'],
    ['0 0 15W 2,3,8 *', ['2026-02-16', '2026-03-16', '2026-08-14'], 'the nearest Monday to Friday'],
    ['0 0 1W 8 *', ['2026-08-03', '2027-08-02', '2028-08-01'], 'the nearest, in the same month'],
    ['0 0 31W * *', ['2026-01-30', '2026-03-31', '2026-05-29'], 'not in months without the day'],
    ['0 0 * * FRI#2', ['2026-01-09', '2026-02-13', '2026-03-13'], 'the second Friday'],
    ['0 0 * * MON#5', ['2026-03-30', '2026-06-29', '2026-08-31'], 'a fifth Monday'],
    ['0 0 * * 5L', ['2026-01-30', '2026-02-27', '2026-03-27'], 'the last Friday'],
    ['0 0 * * FRI#L', ['2026-01-30', '2026-02-27', '2026-03-27'], 'the last Friday, written otherwise'],
    ['0 0 31 * *', ['2026-01-31', '2026-03-31', '2026-05-31'], 'not in months without the day'],
    ['0 0 29 2 *', ['2028-02-29', '2032-02-29', '2036-02-29'], 'leap days'],
    ['@yearly', ['2026-01-01', '2027-01-01', '2028-01-01'], 'a nickname'],
    ['@Monthly', ['2026-01-01', '2026-02-01', '2026-03-01'], 'a nickname'],
    ['@weekly', ['2026-01-04', '2026-01-11', '2026-01-18'], 'a nickname: Sundays'],
    ['@daily', ['2026-01-01', '2026-01-02', '2026-01-03'], 'a nickname'],
  ])('%s is due on %s: %s', (text, expected) => {
    expect(dates(text)).toEqual(expected);
  });

  it('treat 2400 as a leap year and 2100 not', () => {
    expect(dates('0 0 29 2 *', 1, '2096-03-01T00:00:00Z')).toEqual(['2104-02-29']);
    expect(dates('0 0 29 2 *', 1, '2396-03-01T00:00:00Z')).toEqual(['2400-02-29']);
  });

  it('continue over the end of a year', () => {
    expect(runs('59 59 23 31 12 *', 'Asia/Kathmandu', '2026-06-01T00:00:00Z', 2)).toEqual([
      '2026-12-31T23:59:59+05:45',
      '2027-12-31T23:59:59+05:45',
    ]);
  });

  it.each([
    '0 0 1 1 * 2026 *',
    '0 0 0 1 1 * 2026',
    '* * * *',
    '',
    '2026-01-01T00:00:00',
    '0 7:30 * * *',
    '@reboot',
  ])('are 5 or 6: "%s" is not an expression', (text) => {
    expect(isExpression(text)).toBe(false);
    expect(() => new ExpressionSchedule({ texts: [text], timezone: 'UTC' })).toThrow();
  });
});

describe('when clocks change', () => {
  it.each([
    [
      'Europe/Berlin',
      '30 2 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T03:00:00+02:00', '2026-03-30T02:30:00+02:00'],
    ],
    [
      'Europe/Berlin',
      '30 2,14 * * *',
      '2026-03-28T14:00:00Z',
      ['2026-03-29T03:00:00+02:00', '2026-03-29T14:30:00+02:00'],
    ],
    [
      'Europe/Berlin',
      '0,15,30 2 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T03:00:00+02:00', '2026-03-30T02:00:00+02:00'],
    ],
    [
      'Europe/Berlin',
      '0 2,3 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T03:00:00+02:00', '2026-03-30T02:00:00+02:00'],
    ],
    [
      'Europe/Berlin',
      '30 2 * * *',
      '2026-10-24T12:00:00Z',
      ['2026-10-25T02:30:00+02:00', '2026-10-26T02:30:00+01:00'],
    ],
    [
      'Europe/Berlin',
      '15,45 2 25 10 *',
      '2026-10-25T01:20:00Z',
      ['2027-10-25T02:15:00+02:00', '2027-10-25T02:45:00+02:00'],
    ],
    [
      'America/New_York',
      '30 2 * * SUN',
      '2026-03-07T12:00:00Z',
      ['2026-03-08T03:00:00-04:00', '2026-03-15T02:30:00-04:00'],
    ],
    [
      'America/New_York',
      '30 1 * * SUN',
      '2026-10-31T12:00:00Z',
      ['2026-11-01T01:30:00-04:00', '2026-11-08T01:30:00-05:00'],
    ],
    [
      'America/Santiago',
      '@daily',
      '2026-09-05T12:00:00Z',
      ['2026-09-06T01:00:00-03:00', '2026-09-07T00:00:00-03:00'],
    ],
    [
      'Australia/Lord_Howe',
      '15 2 * * *',
      '2026-10-03T12:00:00Z',
      ['2026-10-04T02:30:00+11:00', '2026-10-05T02:15:00+11:00'],
    ],
    [
      'Australia/Lord_Howe',
      '45 1 * * *',
      '2026-04-04T12:00:00Z',
      ['2026-04-05T01:45:00+11:00', '2026-04-06T01:45:00+10:30'],
    ],
    [
      'America/Nuuk',
      '30 23 * * SAT',
      '2026-03-27T12:00:00Z',
      ['2026-03-29T00:00:00-01:00', '2026-04-04T23:30:00-01:00'],
    ],
  ])('fixed times follow the rule of CRON_RUN_AT: in %s, "%s"', (timezone, text, after, expected) => {
    expect(runs(text, timezone, after, 2)).toEqual(expected);
  });

  it.each([
    [
      'Europe/Berlin',
      '0 * * * *',
      '2026-03-29T00:30:00Z',
      ['2026-03-29T03:00:00+02:00', '2026-03-29T04:00:00+02:00'],
    ],
    [
      'Europe/Berlin',
      '*/30 2 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-30T02:00:00+02:00', '2026-03-30T02:30:00+02:00'],
    ],
    [
      'Europe/Berlin',
      '*/30 * * * *',
      '2026-10-25T00:00:00Z',
      ['2026-10-25T02:30:00+02:00', '2026-10-25T02:00:00+01:00'],
    ],
    [
      'Europe/Berlin',
      '0 */2 * * *',
      '2026-10-24T23:00:00Z',
      ['2026-10-25T02:00:00+02:00', '2026-10-25T02:00:00+01:00'],
    ],
    [
      'America/New_York',
      '30 * * * *',
      '2026-11-01T05:00:00Z',
      ['2026-11-01T01:30:00-04:00', '2026-11-01T01:30:00-05:00'],
    ],
    [
      'America/Santiago',
      '30 * * * *',
      '2026-04-05T02:00:00Z',
      ['2026-04-04T23:30:00-03:00', '2026-04-04T23:30:00-04:00'],
    ],
    [
      'Australia/Lord_Howe',
      '*/20 * * * *',
      '2026-04-04T14:30:00Z',
      ['2026-04-05T01:40:00+11:00', '2026-04-05T01:40:00+10:30'],
    ],
    [
      'Australia/Lord_Howe',
      '0 * * * *',
      '2026-10-03T15:00:00Z',
      ['2026-10-04T03:00:00+11:00', '2026-10-04T04:00:00+11:00'],
    ],
  ])('all others follow the wall clock: in %s, "%s"', (timezone, text, after, expected) => {
    expect(runs(text, timezone, after, 2)).toEqual(expected);
  });
});

describe('several expressions', () => {
  it('are due whenever one of them is, and once if two are', () => {
    expect(runs(['0 7 * * *', '0 */7 * * *'], 'UTC', '2026-01-01T00:00:00Z', 4)).toEqual([
      '2026-01-01T07:00:00+00:00',
      '2026-01-01T14:00:00+00:00',
      '2026-01-01T21:00:00+00:00',
      '2026-01-02T00:00:00+00:00',
    ]);
  });

  it('are due once if a gap moves them to the same instant', () => {
    expect(runs(['15 2 * * *', '0 3 * * *'], 'Europe/Berlin', '2026-03-29T00:00:00Z', 2)).toEqual([
      '2026-03-29T03:00:00+02:00',
      '2026-03-30T02:15:00+02:00',
    ]);
  });

  it('continue with the others when one has ended', () => {
    expect(runs(['0 0 30 2 *', '@yearly'], 'UTC', '2026-01-01T00:00:00Z', 1)).toEqual([
      '2027-01-01T00:00:00+00:00',
    ]);
  });

  it('are described with their time zone', () => {
    const words = (texts: string[]) =>
      new ExpressionSchedule({ texts, timezone: 'Europe/Berlin' }).describe();
    expect(words(['0 30 7 * * MON-FRI'])).toBe('cron "0 30 7 * * MON-FRI" (Europe/Berlin)');
    expect(words(['@daily', '0 12 * * *'])).toBe('cron "@daily" and "0 12 * * *" (Europe/Berlin)');
  });

  it('that are never due again fail with an error, not with an invalid date', () => {
    const schedule = new ExpressionSchedule({ texts: ['0 0 30 2 *'], timezone: 'UTC' });
    expect(() => schedule.next(new Date(0))).toThrow(RangeError);
    expect(() => schedule.next(new Date(NaN))).toThrow(RangeError);
  });
});
