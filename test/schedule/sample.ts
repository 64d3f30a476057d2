// Random cron expressions, time zones and instants, more often on the days on which clocks change.
import type { Random } from './random.ts';

/** Time zones, each with the instants at which its clocks change in 2026: forward first. */
export const clockChanges: Readonly<Record<string, readonly string[]>> = {
  'Europe/Berlin': ['2026-03-29T01:00:00Z', '2026-10-25T01:00:00Z'],
  'America/New_York': ['2026-03-08T07:00:00Z', '2026-11-01T06:00:00Z'],
  'America/Santiago': ['2026-09-06T04:00:00Z', '2026-04-05T03:00:00Z'],
  'Australia/Lord_Howe': ['2026-10-03T15:30:00Z', '2026-04-04T15:00:00Z'],
  'America/Nuuk': ['2026-03-29T01:00:00Z', '2026-10-25T01:00:00Z'],
  'Asia/Kathmandu': [],
  UTC: [],
};

/** The time zones of the samples. */
export const zones = Object.keys(clockChanges);

/** An instant in 2026 to 2028; every other time up to thirty hours before the clocks of the zone change. */
export function instantFor(random: Random, timezone: string): Date {
  const changes = clockChanges[timezone]!;
  const spreadMs = random.oneOf([1, 3, 30]) * random.between(600_000, 3_600_000);
  if (changes.length > 0 && random.chance(0.5)) return new Date(Date.parse(random.oneOf(changes)) - spreadMs);
  return new Date(Date.UTC(2026, 0, 1) + random.between(0, 3 * 365 * 86_400) * 1000);
}

/** The fields of an expression. */
export interface Fields {
  readonly time: string;
  readonly dayOfMonth: string;
  readonly month: string;
  readonly dayOfWeek: string;
}

/** Fields that both node-cron and svchost read; the test decides about their meaning for days. */
export function fieldsFor(random: Random): Fields {
  const number = (low: number, high: number) => String(random.between(low, high));
  const range = (low: number, high: number) => {
    const from = random.between(low, high);
    return `${from}-${random.between(from, high)}`;
  };
  const list = (low: number, high: number) =>
    Array.from({ length: random.between(2, 4) }, () => number(low, high)).join(',');
  const step = (low: number, high: number) => `${range(low, high)}/${random.between(1, 7)}`;
  const field = (low: number, high: number) =>
    random.oneOf([
      number,
      number,
      range,
      list,
      step,
      () => '*',
      () => `*/${random.between(2, Math.min(9, high))}`,
    ])(low, high);
  // The small hours, when clocks change, more often than the others.
  const hour = () =>
    random.chance(0.3) ? number(0, 3) : random.oneOf([() => '23', () => '*', () => field(0, 23)])();
  const weekdays = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
  const dayOfMonth = () =>
    random.oneOf([() => field(1, 31), () => 'L', () => 'LW', () => `${number(1, 28)}W`])();
  const dayOfWeek = () =>
    random.oneOf([
      () => field(0, 7),
      () => random.oneOf(weekdays),
      () => 'MON-FRI',
      () => `${number(0, 6)}#${number(1, 5)}`,
      () => `${number(0, 6)}L`,
    ])();
  const seconds = random.chance(0.3) ? `${field(0, 59)} ` : '';
  return {
    time: `${seconds}${field(0, 59)} ${hour()}`,
    dayOfMonth: random.chance(0.6) ? '*' : dayOfMonth(),
    month: random.chance(0.7) ? '*' : random.oneOf([() => field(1, 12), () => 'JAN,JUN', () => 'OCT-DEC'])(),
    dayOfWeek: random.chance(0.6) ? '*' : dayOfWeek(),
  };
}
