// Which time zone names are accepted, and the errors for the others.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { machineTimezone, machineTimezoneFault, readTimezone } from '../../src/schedule/timezone.ts';

describe('a time zone', () => {
  it.each([
    ['Europe/Berlin', 'Europe/Berlin'],
    ['europe/berlin', 'Europe/Berlin'],
    ['UTC', 'UTC'],
    ['utc', 'UTC'],
    ['Europe/Kiev', 'Europe/Kiev'],
    ['Europe/Kyiv', 'Europe/Kyiv'],
    ['Asia/Katmandu', 'Asia/Katmandu'],
    ['Asia/Kathmandu', 'Asia/Kathmandu'],
    ['US/Eastern', 'US/Eastern'],
    ['Etc/GMT+5', 'Etc/GMT+5'],
    ['EST', 'EST'],
    ['EST5EDT', 'EST5EDT'],
    ['GB', 'GB'],
  ])('%s is accepted as %s', (name, timezone) => {
    expect(readTimezone(name)).toEqual({ timezone });
  });

  it.each([
    ['Europe/Berln', 'did you mean Europe/Berlin?'],
    ['Berlin', 'did you mean Europe/Berlin?'],
    ['new york', 'did you mean America/New_York?'],
    ['America/New York', 'did you mean America/New_York?'],
    ['Asia/Kathmando', 'did you mean Asia/Katmandu?'],
    ['+02:00', 'not an offset'],
    ['-0500', 'not an offset'],
    ['UTC+2', 'not an offset'],
    ['GMT-3', 'not an offset'],
    ['BST', 'such as Europe/Berlin or UTC'],
    ['PST', 'such as Europe/Berlin or UTC'],
    ['CEST', 'such as Europe/Berlin or UTC'],
    ['SystemV/PST8', 'such as Europe/Berlin or UTC'],
    ['nowhere at all', 'such as Europe/Berlin or UTC'],
  ])('%s is refused, and the error says "%s"', (name, hint) => {
    expect(readTimezone(name)).toEqual({ expected: expect.stringContaining(hint) as string });
  });

  it('is never suggested for an abbreviation, since names that look alike are far apart', () => {
    for (const name of ['BST', 'PST', 'AST', 'IST'])
      expect(JSON.stringify(readTimezone(name))).not.toContain('mean');
  });

  it('is accepted for every name that Intl lists', () => {
    for (const name of Intl.supportedValuesOf('timeZone'))
      expect(readTimezone(name)).toEqual({ timezone: name });
  });
});

describe("the machine's time zone", () => {
  it('is read from the environment of the process, and unknown if that names none', () => {
    const zoneWith = (TZ: string) => {
      const script = `import { machineTimezone } from ${JSON.stringify(new URL('../../src/schedule/timezone.ts', import.meta.url).href)};
        console.log(String(machineTimezone()));`;
      const child = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
        env: { TZ },
        encoding: 'utf8',
      });
      return child.stdout.trim() || child.stderr;
    };
    expect(zoneWith('America/Santiago')).toBe('America/Santiago');
    expect(zoneWith('Nowhere/AtAll')).toBe('undefined');
    expect(zoneWith('')).toBe('undefined');
  });

  it.for(['GMT-1', 'UTC+3', 'CET-1CEST,M3.5.0,M10.5.0/3', ':/etc/localtime', 'Europe/Nope', '+02:00'])(
    'is not guessed from TZ=%s, which programs read differently',
    (tz) => expect(machineTimezoneFault(tz)).toContain('set CRON_TIMEZONE'),
  );

  it.for([undefined, '', 'UTC', 'Europe/Berlin', 'EST5EDT', 'Etc/GMT-1'])('may be TZ=%s', (tz) =>
    expect(machineTimezoneFault(tz)).toBeUndefined(),
  );

  it('is a valid one', () => {
    const machine = machineTimezone();
    if (machine !== undefined) expect(readTimezone(machine)).toEqual({ timezone: machine });
  });
});
