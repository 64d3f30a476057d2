// Turns the CRON_* variables into a schedule, or into a list of their problems. Pure: config/ reads the environment.
import { suggest } from '../suggestion.ts';
import type { Problem } from '../errors.ts';
import { faultOf, neverDueFault } from './expression-fault.ts';
import { splitExpressions } from './expression-list.ts';
import { Expression, ExpressionSchedule } from './expression.ts';
import { IntervalSchedule, unitMs, type Unit } from './interval.ts';
import { instantOf, type Schedule } from './schedule.ts';
import { TimeOfDaySchedule } from './time-of-day.ts';
import { readTimezone } from './timezone.ts';

/** The variables that define a schedule, as found. Unset, empty and blank mean the same. */
export interface ScheduleVariables {
  readonly CRON_TIME_AMOUNT?: string | undefined;
  readonly CRON_TIME_UNIT?: string | undefined;
  readonly CRON_RUN_AT?: string | undefined;
  readonly CRON_EXPRESSIONS?: string | undefined;
  readonly CRON_TIMEZONE?: string | undefined;
}

/** A schedule with notices for the log about how it was read, or all problems at once. */
export type ReadSchedule =
  | { readonly schedule: Schedule; readonly notices: readonly string[] }
  | { readonly problems: readonly Problem[] };

const units = Object.keys(unitMs) as Unit[];
const ignoredWithExpressions = ['CRON_TIME_AMOUNT', 'CRON_TIME_UNIT', 'CRON_RUN_AT'] as const;

/** The last instant that a date can hold (ECMA-262, time values), less the days that zones and wall clocks may add. */
const lastInstant = 8.64e15 - 2 * unitMs.days;

/**
 * Reads the CRON_* variables.
 * @param start the instant from which intervals and days are counted: the start of the service
 * @param machine the zone to use if CRON_TIMEZONE is unset: `machineTimezone()`
 */
export function readSchedule(
  variables: ScheduleVariables,
  start: Date,
  machine: string | undefined,
): ReadSchedule {
  const found = trimmed(variables);
  const problems: Problem[] = [];
  const notices: string[] = [];
  const timezone = timezoneOf(found.CRON_TIMEZONE, machine, problems, notices);
  const schedule =
    found.CRON_EXPRESSIONS === undefined
      ? timed(found, start, timezone, problems)
      : expressions(found, start, timezone, problems, notices);
  return schedule && problems.length === 0 ? { schedule, notices } : { problems };
}

type Found = { readonly [name in keyof ScheduleVariables]: string | undefined };

function trimmed(variables: ScheduleVariables): Found {
  const value = (name: keyof ScheduleVariables) => variables[name]?.trim() || undefined;
  return {
    CRON_TIME_AMOUNT: value('CRON_TIME_AMOUNT'),
    CRON_TIME_UNIT: value('CRON_TIME_UNIT'),
    CRON_RUN_AT: value('CRON_RUN_AT'),
    CRON_EXPRESSIONS: value('CRON_EXPRESSIONS'),
    CRON_TIMEZONE: value('CRON_TIMEZONE'),
  };
}

const shown = (value: string | undefined) => (value === undefined ? 'nothing' : `"${value}"`);

/** The zone to use; UTC after a problem, so that the other variables are still checked. */
function timezoneOf(
  name: string | undefined,
  machine: string | undefined,
  problems: Problem[],
  notices: string[],
) {
  if (name === undefined) {
    if (machine === undefined)
      notices.push('the time zone of the machine is unknown, so UTC is used; set CRON_TIMEZONE');
    return machine ?? 'UTC';
  }
  const read = readTimezone(name);
  if ('timezone' in read) return read.timezone;
  problems.push({ name: 'CRON_TIMEZONE', expected: read.expected, found: shown(name) });
  return 'UTC';
}

function expressions(found: Found, start: Date, timezone: string, problems: Problem[], notices: string[]) {
  const ignored = ignoredWithExpressions.filter((name) => found[name] !== undefined);
  if (ignored.length > 0)
    notices.push(
      `CRON_EXPRESSIONS is set, so ${ignored.join(', ')} ${ignored.length === 1 ? 'is' : 'are'} ignored`,
    );
  const report = (fault: { expected: string; found: string }) =>
    problems.push({ name: 'CRON_EXPRESSIONS', ...fault });

  const list = splitExpressions(found.CRON_EXPRESSIONS ?? '');
  if ('readings' in list) {
    report({ expected: separation(list.readings), found: shown(list.found) });
    return undefined;
  }
  if (list.texts.length === 0)
    report({ expected: 'at least one cron expression', found: shown(found.CRON_EXPRESSIONS) });
  for (const text of list.texts) {
    const fault = faultOf(text);
    if (fault) report(fault);
    else if (new Expression(text, timezone).next(instantOf(start)) === undefined) report(neverDueFault(text));
  }
  return problems.length === 0 ? new ExpressionSchedule({ texts: list.texts, timezone }) : undefined;
}

function separation(readings: readonly (readonly string[])[]): string {
  const examples = readings.length === 0 ? [['0 7 * * *', '30 9 * * MON,FRI']] : readings;
  const written = examples.map((texts) => `"${texts.join('; ')}"`).join(' or ');
  return `unambiguous expressions: put ";" between them, as in ${written}`;
}

function timed(found: Found, start: Date, timezone: string, problems: Problem[]): Schedule | undefined {
  if (!ignoredWithExpressions.some((name) => found[name] !== undefined)) {
    const expected =
      'a schedule: CRON_TIME_AMOUNT and CRON_TIME_UNIT (10 and seconds), with CRON_RUN_AT for a time of day (1, days and 07:32), or CRON_EXPRESSIONS (30 7 * * MON-FRI)';
    problems.push({ name: 'CRON_TIME_AMOUNT', expected, found: 'none of them' });
    return undefined;
  }
  const daily = found.CRON_RUN_AT !== undefined;
  const timeOfDay = daily ? timeOfDayOf(found.CRON_RUN_AT, problems) : undefined;
  const unit = unitOf(found.CRON_TIME_UNIT, daily, problems);
  const amount = amountOf(found.CRON_TIME_AMOUNT, daily, problems);
  if (amount === undefined || unit === undefined || (daily && timeOfDay === undefined)) return undefined;

  const lengthMs = amount * unitMs[unit];
  if (lengthMs < 1 || lengthMs > lastInstant - instantOf(start)) {
    const expected =
      lengthMs < 1
        ? 'at least 0.001 seconds'
        : 'an amount of time within the calendar, which ends in the year 275760';
    problems.push({ name: 'CRON_TIME_AMOUNT', expected, found: `${found.CRON_TIME_AMOUNT} ${unit}` });
    return undefined;
  }
  return timeOfDay === undefined
    ? new IntervalSchedule({ amount, unit, start, timezone })
    : new TimeOfDaySchedule({ timeOfDay, days: amount, start, timezone });
}

/** Plain decimals only: `Number` would also take `0x10`, `1e400` and a blank. */
function amountOf(value: string | undefined, daily: boolean, problems: Problem[]): number | undefined {
  const amount = /^\+?(?:\d+\.?\d*|\.\d+)$/.test(value ?? '') ? Number(value) : NaN;
  if (Number.isFinite(amount) && amount > 0 && (!daily || Number.isInteger(amount))) return amount;
  const expected = daily
    ? 'a whole number of days, 1 or more, because CRON_RUN_AT is set'
    : 'a positive number such as 10 or 0.5, with its unit in CRON_TIME_UNIT';
  problems.push({ name: 'CRON_TIME_AMOUNT', expected, found: shown(value) });
  return undefined;
}

function unitOf(value: string | undefined, daily: boolean, problems: Problem[]): Unit | undefined {
  const unit = units.find((known) => known === value?.toLowerCase());
  if (unit !== undefined && (!daily || unit === 'days')) return unit;
  const suggestion =
    unit === undefined && value !== undefined ? suggest(value.toLowerCase(), units) : undefined;
  const hint = suggestion === undefined || daily ? '' : ` (did you mean ${suggestion}?)`;
  const expected = daily ? 'days, because CRON_RUN_AT is set' : `one of ${units.join(', ')}${hint}`;
  problems.push({ name: 'CRON_TIME_UNIT', expected, found: shown(value) });
  return undefined;
}

/** As `HH:MM:SS`. */
function timeOfDayOf(value: string | undefined, problems: Problem[]): string | undefined {
  if (value !== undefined && /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?$/.test(value)) {
    return value.length === 5 ? `${value}:00` : value;
  }
  const expected = 'a time of day as HH:MM or HH:MM:SS, from 00:00 to 23:59:59, such as 07:32';
  problems.push({ name: 'CRON_RUN_AT', expected, found: shown(value) });
  return undefined;
}
