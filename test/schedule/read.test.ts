// Reads the CRON_* variables into a schedule, or into all of their problems.
import { describe, expect, it } from 'vitest';
import type { Problem } from '../../src/errors.ts';
import { upcoming } from '../../src/schedule/schedule.ts';
import { readSchedule, type ScheduleVariables } from '../../src/schedule/read.ts';
import { formatInstant } from '../../src/schedule/wall-clock.ts';

const start = new Date('2026-01-10T08:00:00Z');

function problemsOf(variables: ScheduleVariables, machine: string | undefined = 'UTC'): readonly Problem[] {
  const settings = readSchedule(variables, start, machine);
  return 'problems' in settings ? settings.problems : [];
}

function read(variables: ScheduleVariables, machine: string | undefined = 'Europe/Berlin') {
  const settings = readSchedule(variables, start, machine);
  if ('problems' in settings) throw new Error(JSON.stringify(settings.problems));
  const { schedule, notices } = settings;
  const [next] = upcoming(schedule, start, 1);
  return {
    kind: schedule.kind,
    words: schedule.describe(),
    next: formatInstant(next!, schedule.timezone),
    notices,
  };
}

describe('the variables of a schedule', () => {
  it('make an interval', () => {
    expect(read({ CRON_TIME_AMOUNT: '0.5', CRON_TIME_UNIT: 'seconds' })).toEqual({
      kind: 'interval',
      words: 'every 0.5 seconds',
      next: '2026-01-10T09:00:00.500+01:00',
      notices: [],
    });
  });

  it('make a time of day', () => {
    expect(read({ CRON_TIME_AMOUNT: '2', CRON_TIME_UNIT: 'days', CRON_RUN_AT: '07:32' })).toEqual({
      kind: 'time-of-day',
      words: 'every 2 days at 07:32:00 (Europe/Berlin)',
      next: '2026-01-12T07:32:00+01:00',
      notices: [],
    });
  });

  it('make a list of expressions, and the others are ignored with a notice', () => {
    const variables = {
      CRON_EXPRESSIONS: '0,30 7 * * MON-FRI; @weekly',
      CRON_TIMEZONE: 'america/new_york',
      CRON_TIME_AMOUNT: '10s',
      CRON_RUN_AT: '25:61',
    };
    expect(read(variables)).toEqual({
      kind: 'expression',
      words: 'cron "0,30 7 * * MON-FRI" and "@weekly" (America/New_York)',
      next: '2026-01-11T00:00:00-05:00',
      notices: ['CRON_EXPRESSIONS is set, so CRON_TIME_AMOUNT, CRON_RUN_AT are ignored'],
    });
    expect(read({ CRON_EXPRESSIONS: '@weekly', CRON_TIME_UNIT: 'days' }).notices).toEqual([
      'CRON_EXPRESSIONS is set, so CRON_TIME_UNIT is ignored',
    ]);
  });

  it('may have blanks around them and be in any case, and count as unset if blank', () => {
    const blank = { CRON_EXPRESSIONS: ' \n', CRON_RUN_AT: '', CRON_TIMEZONE: '  ' };
    expect(read({ CRON_TIME_AMOUNT: ' 10 ', CRON_TIME_UNIT: ' MINUTES', ...blank }).words).toBe(
      'every 10 minutes',
    );
  });

  it.each([
    ['10', 10],
    ['+10', 10],
    ['.5', 0.5],
    ['1.', 1],
    ['007', 7],
  ])('may have the amount %s', (amount, minutes) => {
    const settings = readSchedule({ CRON_TIME_AMOUNT: amount, CRON_TIME_UNIT: 'minutes' }, start, 'UTC');
    if ('problems' in settings) throw new Error('refused');
    expect(settings.schedule.next(start)).toEqual(new Date(start.getTime() + minutes * 60_000));
  });

  it("fall back to UTC with a notice if the machine's time zone is unknown", () => {
    const settings = readSchedule({ CRON_EXPRESSIONS: '@daily' }, start, undefined);
    if ('problems' in settings) throw new Error('refused');
    expect(settings.schedule.timezone).toBe('UTC');
    expect(settings.notices).toEqual([
      'the time zone of the machine is unknown, so UTC is used; set CRON_TIMEZONE',
    ]);
  });
});

const seconds = { CRON_TIME_UNIT: 'seconds' };
const daily = { CRON_TIME_AMOUNT: '1', CRON_TIME_UNIT: 'days' };

/** Variables, and for each problem its name, a part of the expectation, and the value that was found. */
const faulty: readonly [ScheduleVariables, ...(readonly [string, string, string])[]][] = [
  [{}, ['CRON_TIME_AMOUNT', 'or CRON_EXPRESSIONS', 'none of them']],
  [
    { CRON_TIMEZONE: 'UTC', CRON_TIME_AMOUNT: '' },
    ['CRON_TIME_AMOUNT', 'or CRON_EXPRESSIONS', 'none of them'],
  ],
  ...['0', '-1', '0.0', 'NaN', 'Infinity', '1e400', '1e3', '0x10', '10s', '1,5', '.', 'ten', '1 2', '٣'].map(
    (amount): [ScheduleVariables, [string, string, string]] => [
      { CRON_TIME_AMOUNT: amount, ...seconds },
      ['CRON_TIME_AMOUNT', 'a positive number such as 10 or 0.5', `"${amount}"`],
    ],
  ),
  [{ CRON_TIME_AMOUNT: '', ...seconds }, ['CRON_TIME_AMOUNT', 'a positive number', 'nothing']],
  [
    { CRON_TIME_AMOUNT: '0.0009', ...seconds },
    ['CRON_TIME_AMOUNT', 'at least 0.001 seconds', '0.0009 seconds'],
  ],
  [
    { CRON_TIME_AMOUNT: '99999999999', CRON_TIME_UNIT: 'weeks' },
    ['CRON_TIME_AMOUNT', 'the calendar', '99999999999 weeks'],
  ],
  [
    { CRON_TIME_AMOUNT: `1${'0'.repeat(400)}`, ...seconds },
    ['CRON_TIME_AMOUNT', 'a positive number', `"1${'0'.repeat(400)}"`],
  ],
  [{ CRON_TIME_AMOUNT: '1' }, ['CRON_TIME_UNIT', 'one of seconds, minutes, hours, days, weeks', 'nothing']],
  [
    { CRON_TIME_AMOUNT: '1', CRON_TIME_UNIT: 'secnds' },
    ['CRON_TIME_UNIT', 'did you mean seconds?', '"secnds"'],
  ],
  [{ CRON_TIME_AMOUNT: '1', CRON_TIME_UNIT: 'min' }, ['CRON_TIME_UNIT', 'did you mean minutes?', '"min"']],
  [{ CRON_TIME_AMOUNT: '1', CRON_TIME_UNIT: 'Day' }, ['CRON_TIME_UNIT', 'did you mean days?', '"Day"']],
  [
    { CRON_TIME_AMOUNT: '1', CRON_TIME_UNIT: 'fortnights' },
    ['CRON_TIME_UNIT', 'one of seconds', '"fortnights"'],
  ],
  [
    { ...daily, CRON_TIME_UNIT: 'weeks', CRON_RUN_AT: '07:32' },
    ['CRON_TIME_UNIT', 'days, because CRON_RUN_AT is set', '"weeks"'],
  ],
  [
    { ...daily, CRON_TIME_AMOUNT: '1.5', CRON_RUN_AT: '07:32' },
    ['CRON_TIME_AMOUNT', 'a whole number of days', '"1.5"'],
  ],
  ...['24:00', '7:5', '7:05', '25:61', '07:60', '07:32:60', '0732', '07:32 PM', '07:32:00.5', 'noon'].map(
    (time): [ScheduleVariables, [string, string, string]] => [
      { ...daily, CRON_RUN_AT: time },
      ['CRON_RUN_AT', 'HH:MM or HH:MM:SS', `"${time}"`],
    ],
  ),
  [
    { CRON_RUN_AT: '07:32' },
    ['CRON_TIME_UNIT', 'days, because CRON_RUN_AT is set', 'nothing'],
    ['CRON_TIME_AMOUNT', 'a whole number of days, 1 or more', 'nothing'],
  ],
  [
    { CRON_TIME_AMOUNT: '10s', CRON_TIME_UNIT: 'mins', CRON_RUN_AT: '24:00', CRON_TIMEZONE: 'Europe/Berln' },
    ['CRON_TIMEZONE', 'did you mean Europe/Berlin?', '"Europe/Berln"'],
    ['CRON_RUN_AT', 'HH:MM', '"24:00"'],
    ['CRON_TIME_UNIT', 'days', '"mins"'],
    ['CRON_TIME_AMOUNT', 'a whole number', '"10s"'],
  ],
  [{ CRON_EXPRESSIONS: '* * * *' }, ['CRON_EXPRESSIONS', '5 or 6 fields', '"* * * *", which has 4 fields']],
  [
    { CRON_EXPRESSIONS: '0 0 0 1 1 * 2026' },
    ['CRON_EXPRESSIONS', 'a year is not one of them', '"0 0 0 1 1 * 2026", which has 7 fields'],
  ],
  [
    { CRON_EXPRESSIONS: '0 0 0 1 1 * * *' },
    ['CRON_EXPRESSIONS', '5 or 6 fields', '"0 0 0 1 1 * * *", which has 8 fields'],
  ],
  [{ CRON_EXPRESSIONS: 'hourly' }, ['CRON_EXPRESSIONS', '5 or 6 fields', '"hourly", which has 1 field']],
  [
    { CRON_EXPRESSIONS: '0 0 30 2 *' },
    ['CRON_EXPRESSIONS', 'matches some date', '"0 0 30 2 *", which matches no date'],
  ],
  [
    { CRON_EXPRESSIONS: '30 2 31W 4 *' },
    ['CRON_EXPRESSIONS', 'matches some date', '"30 2 31W 4 *", which matches no date'],
  ],
  [
    { CRON_EXPRESSIONS: '*/5 2 31 2,4 *' },
    ['CRON_EXPRESSIONS', 'matches some date', '"*/5 2 31 2,4 *", which matches no date'],
  ],
  [
    { CRON_EXPRESSIONS: '60 * * * *' },
    ['CRON_EXPRESSIONS', 'for the minute 0-59', '"60" as the minute of "60 * * * *"'],
  ],
  [
    { CRON_EXPRESSIONS: '60 * * * * *' },
    ['CRON_EXPRESSIONS', 'for the second 0-59', '"60" as the second of "60 * * * * *"'],
  ],
  [
    { CRON_EXPRESSIONS: '0 24 * * *' },
    ['CRON_EXPRESSIONS', 'for the hour 0-23', '"24" as the hour of "0 24 * * *"'],
  ],
  [
    { CRON_EXPRESSIONS: '0 0 32 * *' },
    ['CRON_EXPRESSIONS', 'for the day-of-month 1-31', '"32" as the day-of-month of "0 0 32 * *"'],
  ],
  [
    { CRON_EXPRESSIONS: '0 0 1 13 *' },
    ['CRON_EXPRESSIONS', 'for the month 1-12', '"13" as the month of "0 0 1 13 *"'],
  ],
  [
    { CRON_EXPRESSIONS: '0 0 * * FRI-MON' },
    ['CRON_EXPRESSIONS', 'ranges from low to high', '"FRI-MON" as the day-of-week of "0 0 * * FRI-MON"'],
  ],
  [{ CRON_EXPRESSIONS: '@dally' }, ['CRON_EXPRESSIONS', 'did you mean @daily?', '"@dally"']],
  [{ CRON_EXPRESSIONS: '@reboot' }, ['CRON_EXPRESSIONS', 'RUN_AT_STARTUP=true', '"@reboot"']],
  [{ CRON_EXPRESSIONS: ' ; , ' }, ['CRON_EXPRESSIONS', 'at least one cron expression', '"; ,"']],
  [
    { CRON_EXPRESSIONS: '* * * * 1,2,3 * * * *' },
    ['CRON_EXPRESSIONS', '"* * * * 1; 2,3 * * * *" or "* * * * 1,2; 3 * * * *"', '"* * * * 1,2,3 * * * *"'],
  ],
  [
    { CRON_EXPRESSIONS: '0 7 * * *,0 7 *,0 7 * * *' },
    [
      'CRON_EXPRESSIONS',
      'put ";" between them, as in "0 7 * * *; 30 9 * * MON,FRI"',
      '"0 7 * * *,0 7 *,0 7 * * *"',
    ],
  ],
  [
    { CRON_EXPRESSIONS: '@daily; 0 25 * * *; 0 0 30 2 *', CRON_TIMEZONE: '+02:00', CRON_TIME_AMOUNT: 'x' },
    ['CRON_TIMEZONE', 'not an offset', '"+02:00"'],
    ['CRON_EXPRESSIONS', 'for the hour 0-23', '"25" as the hour of "0 25 * * *"'],
    ['CRON_EXPRESSIONS', 'matches some date', '"0 0 30 2 *", which matches no date'],
  ],
];

describe('bad input', () => {
  it.each(faulty.map(([variables, ...expected]) => ({ variables, expected })))(
    '$variables is reported by name, all at once',
    ({ variables, expected }) => {
      expect(problemsOf(variables)).toEqual(
        expected.map(([name, part, found]) => ({
          name,
          expected: expect.stringContaining(part) as string,
          found,
        })),
      );
    },
  );
});
