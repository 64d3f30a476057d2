// `svchost` on a schedule: the output of `check`, refused schedules, `run --once`, and the drain of a run.
import { describe, expect, it } from 'vitest';
import type { CheckReport } from '../../src/commands/check.ts';
import { describeProblem } from '../../src/errors.ts';
import { createScheduledService, every } from '../schedule/service.ts';
import { insist, runCli, startHost, type HostProcess } from '../support/host-process.ts';
import { createService } from './service.ts';

type Env = Readonly<Record<string, string>>;

const daily: Env = { ...every('1', 'days'), CRON_RUN_AT: '07:32', CRON_TIMEZONE: 'Asia/Kathmandu' };

function linesOf(host: HostProcess, msg: string) {
  return host.lines.filter((line) => line['msg'] === msg);
}

describe('check', () => {
  it('as JSON adds the schedule with its time zone and its next five runs, and needs neither queue nor broker', async () => {
    const cwd = createScheduledService();
    const { code, stdout, stderr } = await runCli(['check', '--json'], {
      cwd,
      env: { ...daily, NODE_ENV: 'production' },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = JSON.parse(stdout) as CheckReport;
    expect(report).toEqual({
      ok: true,
      problems: [],
      service: { name: 'clock', version: '1.2.3', dir: cwd },
      processor: { module: 'processor.js', type: 'ClockServiceProcessor', loader: 'Node' },
      executionType: 'CRON',
      messaging: null,
      retry: null,
      schedule: {
        kind: 'time-of-day',
        timezone: 'Asia/Kathmandu',
        next: Array.from(
          { length: 5 },
          () => expect.stringMatching(/^\d{4}-\d\d-\d\dT07:32:00\+05:45$/) as unknown,
        ),
      },
    });
    const instants = report.schedule!.next.map((text) => Date.parse(text));
    expect(instants[0]).toBeGreaterThan(Date.now());
    expect(instants.map((instant, index) => instant - instants[0]! - index * 86_400_000)).toEqual([
      0, 0, 0, 0, 0,
    ]);
  });

  it('as text says it in words', async () => {
    const { code, stdout } = await runCli(['check'], { cwd: createScheduledService(), env: daily });
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    expect(lines.slice(2, 6)).toEqual([
      'loaded by       Node',
      'execution type  CRON',
      'schedule        every day at 07:32:00 (Asia/Kathmandu)',
      'time zone       Asia/Kathmandu',
    ]);
    expect(lines[6]).toMatch(/^next runs {7}\d{4}-\d\d-\d\dT07:32:00\+05:45$/);
    expect(lines.slice(11)).toEqual(['replicas        each runs', 'ok', '']);
  });

  it('shows the broker that replicas share, and reaches it with --connect', async () => {
    const cwd = createScheduledService();
    const env = { ...daily, CRON_REPLICAS: 'once', MESSAGING_TYPE: 'SqliteConnection' };
    const { code, stdout } = await runCli(['check', '--connect'], { cwd, env });
    expect(code).toBe(0);
    expect(stdout).toContain(
      `\nreplicas        one of them runs\nbroker          SqliteConnection sqlite:${cwd}/.svchost/queue.db\nok\n`,
    );
  });

  it('names the variables that are ignored', async () => {
    const env = { ...every('10'), CRON_EXPRESSIONS: '0 7 * * *' };
    const { stdout } = await runCli(['check'], { cwd: createScheduledService(), env });
    expect(stdout).toContain(
      '\nwarning: CRON_EXPRESSIONS is set, so CRON_TIME_AMOUNT, CRON_TIME_UNIT are ignored\nok\n',
    );
  });
});

describe('a wrong schedule ends check and run with 78, with all problems at once', () => {
  const cron = { EXECUTION_TYPE: 'CRON' };
  const once = { ...every('10'), CRON_REPLICAS: 'once' };

  it.each<[string, Env, string[]]>([
    ['nothing set', cron, ['CRON_TIME_AMOUNT']],
    ...['0', '-1', 'NaN', 'Infinity', ' ', '1e400', '10s'].map((amount): [string, Env, string[]] => [
      `an amount of ${amount}`,
      every(amount),
      ['CRON_TIME_AMOUNT'],
    ]),
    ['no unit', { ...cron, CRON_TIME_AMOUNT: '1' }, ['CRON_TIME_UNIT']],
    ['a misspelt unit', every('1', 'secnds'), ['CRON_TIME_UNIT']],
    ['a time of day with hours', { ...daily, CRON_TIME_UNIT: 'hours' }, ['CRON_TIME_UNIT']],
    ...['24:00', '7:5', '25:61'].map((time): [string, Env, string[]] => [
      `a time of day of ${time}`,
      { ...daily, CRON_RUN_AT: time },
      ['CRON_RUN_AT'],
    ]),
    ['half days', { ...daily, CRON_TIME_AMOUNT: '1.5' }, ['CRON_TIME_AMOUNT']],
    ['4 fields', { ...cron, CRON_EXPRESSIONS: '0 7 * *' }, ['CRON_EXPRESSIONS']],
    ['8 fields', { ...cron, CRON_EXPRESSIONS: '0 0 7 * * * * *' }, ['CRON_EXPRESSIONS']],
    ['February 30', { ...cron, CRON_EXPRESSIONS: '0 0 30 2 *' }, ['CRON_EXPRESSIONS']],
    ['no such zone', { ...every('1'), CRON_TIMEZONE: 'Europe/Berln' }, ['CRON_TIMEZONE']],
    [
      'no such word',
      { ...every('1'), CRON_REPLICAS: 'all', RUN_AT_STARTUP: 'maybe' },
      ['RUN_AT_STARTUP', 'CRON_REPLICAS'],
    ],
    ['replicas without a broker', { ...once, NODE_ENV: 'production' }, ['MESSAGING_TYPE']],
    [
      'replicas that run at startup',
      { ...once, RUN_AT_STARTUP: 'true', MESSAGING_TYPE: 'SqliteConnection' },
      ['RUN_AT_STARTUP'],
    ],
    [
      'all of it',
      {
        ...cron,
        CRON_TIME_AMOUNT: '0',
        CRON_TIME_UNIT: 'day',
        CRON_RUN_AT: '7',
        CRON_TIMEZONE: 'X',
        PROCESS_TIMEOUT: '0',
      },
      ['PROCESS_TIMEOUT', 'CRON_TIMEZONE', 'CRON_RUN_AT', 'CRON_TIME_UNIT', 'CRON_TIME_AMOUNT'],
    ],
  ])('%s', async (_what, env, names) => {
    const cwd = createScheduledService();
    const [checked, ran] = await Promise.all([
      runCli(['check', '--json'], { cwd, env }),
      runCli([], { cwd, env }),
    ]);
    const { problems, schedule } = JSON.parse(checked.stdout) as CheckReport;
    expect({ check: checked.code, run: ran.code }).toEqual({ check: 78, run: 78 });
    expect(problems.map(({ name }) => name)).toEqual(names);
    if (names.some((name) => /^CRON_(TIME|RUN|EXP)/.test(name))) expect(schedule).toBeNull();
    for (const problem of problems) expect(ran.stdout).toContain(JSON.stringify(describeProblem(problem)));
  });
});

describe('run --once', () => {
  it('runs once, now, and ends with 0, without waiting for the schedule or a broker', async () => {
    const host = startHost({
      cwd: createScheduledService(),
      env: { ...daily, CRON_REPLICAS: 'once', MESSAGING_TYPE: 'RabbitMqConnection', RABBITMQ_PORT: '1' },
      args: ['run', '--once'],
    });
    expect(await host.exited).toEqual({ code: 0, signal: null });
    expect(host.lines.filter(({ name }) => name !== 'svchost').map(({ msg }) => msg)).toEqual([
      'run begun',
      'run finished',
      'stop called',
    ]);
    expect(host.lines.at(-1)).toMatchObject({ msg: 'stopped', done: 1, failed: 0 });
  });

  it.each([
    ['throws', { WORK: 'throw' }, 'this run failed'],
    [
      'takes too long',
      { WORK: 'wait', PROCESS_TIMEOUT: '0.1' },
      'process took longer than PROCESS_TIMEOUT (0.1 s)',
    ],
  ])('ends with 1 if the run %s', async (_how, env, message) => {
    const host = startHost({
      cwd: createScheduledService(),
      env: { ...daily, ...env },
      args: ['run', '--once'],
    });
    expect(await host.exited).toEqual({ code: 1, signal: null });
    expect(linesOf(host, 'run failed')).toMatchObject([{ level: 40, error: { message } }]);
  });

  it('is for schedules: with messages it ends with 64', async () => {
    const host = startHost({ cwd: createService(), args: ['run', '--once'] });
    expect(await host.exited).toEqual({ code: 64, signal: null });
    expect(host.lines.at(-1)).toMatchObject({
      level: 60,
      msg: expect.stringContaining('--once is for EXECUTION_TYPE=CRON') as unknown,
    });
  });
});

describe('a service on a schedule', () => {
  it('announces its schedule, then runs again and again', async () => {
    const host = startHost({
      cwd: createScheduledService(),
      env: { ...every('0.2'), CRON_TIMEZONE: 'Europe/Berlin' },
    });
    await host.waitForLine((line) => line['run'] === 3);
    expect(host.lines.slice(0, 6).map(({ msg }) => String(msg).replace(/\d{4}-.*/, '…'))).toEqual([
      expect.stringMatching(/^Rococo Service Host Version: /),
      'processor_module: processor.js',
      'processor_type: ClockServiceProcessor',
      'processor_loader: Node',
      'Service Processor Version: 1.2.3',
      'running every 0.2 seconds; next run at …',
    ]);
    expect(host.lines[5]).toMatchObject({ schedule: 'every 0.2 seconds', timezone: 'Europe/Berlin' });
    const begun = linesOf(host, 'run begun');
    expect(begun.map(({ last }) => last)).toEqual([undefined, 'done', 'done']);
    const [first, , third] = begun.map(({ scheduledFor }) => Date.parse(String(scheduledFor)));
    expect(third! - first!).toBe(400);
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
  });

  it('continues after a run that throws, and names its occurrence', async () => {
    const host = startHost({ cwd: createScheduledService(), env: { ...every('0.1'), WORK: 'throw' } });
    await host.waitForLine((line) => line['run'] === 3);
    const [begun] = linesOf(host, 'run begun');
    expect(linesOf(host, 'run failed')[0]).toMatchObject({
      level: 40,
      scheduledFor: begun!['scheduledFor'],
      error: { name: 'Error', message: 'this run failed' },
    });
    expect(linesOf(host, 'run begun')[1]).toMatchObject({ last: 'failed' });
  });

  it('continues after a run that exceeds PROCESS_TIMEOUT, and logs the skipped occurrences', async () => {
    const env = { ...every('0.5'), WORK: 'hang', PROCESS_TIMEOUT: '0.2' };
    const host = startHost({ cwd: createScheduledService(), env });
    await host.waitForLine((line) => line['run'] === 2);
    expect(linesOf(host, 'run failed')).toMatchObject([{ error: { name: 'ProcessTimeoutError' } }]);
    expect(linesOf(host, 'run begun')[1]).toMatchObject({ last: 'timeout' });
    // 0.2 s and a second of grace.
    const skips = linesOf(host, 'occurrence skipped');
    expect(skips).toMatchObject([{ level: 40, cause: 'the previous run took too long' }]);
    expect(skips[0]!['skipped']).toBeGreaterThanOrEqual(2);
  });

  it('runs at once with RUN_AT_STARTUP', async () => {
    const env = { ...every('1', 'weeks'), RUN_AT_STARTUP: 'true' };
    const host = startHost({ cwd: createScheduledService(), env });
    await host.waitForLine('run finished');
  });

  it('ends with 1 on an uncaught error', async () => {
    const host = startHost({ cwd: createScheduledService(), env: { ...every('1', 'hours'), WORK: 'crash' } });
    expect(await host.exited).toEqual({ code: 1, signal: null });
    expect(linesOf(host, 'uncaught error; ending at once')).toMatchObject([
      { error: { message: 'nobody catches this' } },
    ]);
    expect(linesOf(host, 'stop called')).toHaveLength(1);
  });
});

describe('a stop', () => {
  it('while it waits, ends it at once with 0', async () => {
    const host = startHost({ cwd: createScheduledService(), env: every('5', 'weeks') });
    await host.waitForLine('running every 5 weeks');
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
    expect(linesOf(host, 'stop called')).toHaveLength(1);
  });

  it('during a run, lets the run finish, starts no other, and ends with 0', async () => {
    const host = startHost({ cwd: createScheduledService(), env: { ...every('0.2'), WORK: '700ms' } });
    await host.waitForLine('run begun');
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
    expect(host.lines.map(({ msg }) => msg).slice(6)).toEqual([
      'run begun',
      'draining',
      'run finished',
      'stop called',
      'stopped',
    ]);
    expect(host.lines.at(-1)).toMatchObject({ done: 1, cutOff: 0 });
  });

  it('during a run that takes longer than SHUTDOWN_TIMEOUT, aborts its signal and ends with 75', async () => {
    const env = { ...every('0.2'), WORK: 'wait', SHUTDOWN_TIMEOUT: '0.3' };
    const host = startHost({ cwd: createScheduledService(), env });
    await host.waitForLine('run begun');
    host.signal('SIGINT');
    expect(await host.exited).toEqual({ code: 75, signal: null });
    await host.waitForLine('aborted: the service is stopping');
    expect(linesOf(host, 'run cut off')).toHaveLength(1);
    expect(linesOf(host, 'run begun')).toHaveLength(1);
    expect(host.lines.at(-1)).toMatchObject({ msg: 'stopped', cutOff: 1 });
  });

  it('requested twice, ends at once with 128 + the number of the signal', async () => {
    const host = startHost({ cwd: createScheduledService(), env: { ...every('0.2'), WORK: 'hang' } });
    await host.waitForLine('run begun');
    host.signal('SIGTERM');
    await host.waitForLine('draining');
    await insist(host, 'SIGTERM');
    expect(await host.exited).toEqual({ code: 143, signal: null });
  });
});
