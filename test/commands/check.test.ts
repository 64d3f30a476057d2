// `svchost check`, and that it predicts the output and the exit code of `svchost run`.
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CheckReport } from '../../src/commands/check.ts';
import { describeProblem } from '../../src/errors.ts';
import type { Tree } from '../processor/tree.ts';
import { runCli, startHost } from '../support/host-process.ts';
import { createService, mail } from './service.ts';

type Env = Readonly<Record<string, string>>;

async function checkJson(cwd: string, env: Env = {}, args: readonly string[] = []) {
  const { code, stdout, stderr } = await runCli(['check', '--json', ...args], { cwd, env });
  return { code, report: JSON.parse(stdout) as Omit<CheckReport, 'warnings'>, stderr };
}

describe('a service without problems', () => {
  it('as JSON has these keys, and no others', async () => {
    const cwd = createService();
    const { code, report, stderr } = await checkJson(cwd, { CONCURRENCY: '4', RETRY_MAX_ATTEMPTS: '3' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(report).toEqual({
      ok: true,
      problems: [],
      service: { name: 'mail', version: '1.2.3', dir: cwd },
      processor: { module: 'processor.ts', type: 'MailServiceProcessor', loader: 'Node' },
      executionType: 'MESSAGING',
      messaging: {
        type: 'SqliteConnection',
        queueName: 'CST_mail',
        deadLetterQueueName: 'CST_mail_dead',
        concurrency: 4,
        broker: `sqlite:${cwd}/.svchost/queue.db`,
      },
      retry: { maxAttempts: 3, initialDelay: 1, factor: 5, maxDelay: 300, delays: [1, 5] },
    });
  });

  it('as text has the same content', async () => {
    const cwd = createService();
    const { code, stdout, stderr } = await runCli(['check'], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      `service         mail 1.2.3 (${cwd})`,
      'processor       MailServiceProcessor of processor.ts',
      'loaded by       Node',
      'execution type  MESSAGING',
      `broker          SqliteConnection sqlite:${cwd}/.svchost/queue.db`,
      'queue           CST_mail',
      'dead letters    CST_mail_dead',
      'concurrency     1',
      'attempts        5, with pauses of 1, 5, 25, 125 s',
      'ok',
      '',
    ]);
  });

  it('shows the number of attempts alone if there is only one', async () => {
    const { stdout } = await runCli(['check'], { cwd: createService(), env: { RETRY_MAX_ATTEMPTS: '1' } });
    expect(stdout).toContain('\nattempts        1\n');
  });

  it('may be in another directory than the current one, whose env files are not read', async () => {
    const cwd = createService({ 'services/mail/package.json': {}, 'services/mail/processor.ts': mail });
    const env = { MESSAGING_TYPE: 'SqliteConnection', MailServiceProcessor_QUEUE_NAME: 'own' };
    const { code, report } = await checkJson(cwd, env, ['--dir', 'services/mail']);
    expect(code).toBe(0);
    expect(report.service).toEqual({ name: 'mail', version: '0.0.0', dir: path.join(cwd, 'services/mail') });
    expect(report.messaging).toMatchObject({
      queueName: 'own',
      broker: `sqlite:${path.join(cwd, 'services/mail/.svchost/queue.db')}`,
    });
  });

  it('is not run, nor is its queue created', async () => {
    const cwd = createService();
    await runCli(['check'], { cwd });
    const { readdirSync } = await import('node:fs');
    expect(readdirSync(cwd)).not.toContain('.svchost');
  });

  it('is reached with --connect', async () => {
    const cwd = createService();
    expect(await checkJson(cwd, {}, ['--connect'])).toMatchObject({ code: 0, report: { ok: true } });
  });

  it('whose broker refuses it ends with 69 with --connect, as run does', async () => {
    const cwd = createService({ 'queue.db': 'SQLite format 3 is not what this is '.repeat(50) });
    const env = { SQLITE_PATH: 'queue.db' };
    const { code, report } = await checkJson(cwd, env, ['--connect']);
    expect({ code, ok: report.ok }).toEqual({ code: 69, ok: false });
    expect(report.problems).toEqual([
      {
        name: 'broker',
        expected: 'a connection to the broker',
        found: expect.stringContaining(`${cwd}/queue.db`) as unknown,
      },
    ]);
    const asText = await runCli(['check', '--connect'], { cwd, env });
    expect(asText.stdout).toContain(`\nproblem: ${report.problems[0]!.found}\nnot ok\n`);
    expect((await runCli([], { cwd, env })).code).toBe(69);
  });

  it('that has warnings shows them in the text, and on standard error beside JSON', async () => {
    const cwd = createService({ '.env': 'MailServiceProcessor_QUEUE_NAME=mail\nRABBITMQ_PASWORD=hunter2' });
    const warnings = [
      'warning: RABBITMQ_PASWORD is not known; did you mean RABBITMQ_PASSWORD?',
      'warning: MESSAGING_TYPE is not set; using the embedded queue (SqliteConnection)',
    ].join('\n');
    const asText = await runCli(['check'], { cwd });
    expect(asText.stdout).toContain(`\n${warnings}\nok\n`);
    expect((await checkJson(cwd)).stderr).toBe(`${warnings}\n`);
  });
});

describe('check and run report the same problems and end with the same code', () => {
  const enumeration = 'enum A { b }\nexport class MailServiceProcessor { process() {} }';
  const without = (name: string): Tree => ({ [name]: undefined });

  it.each<[number, string, Tree, Env, string[]]>([
    [70, 'no package.json', without('package.json'), {}, ['processor']],
    [70, 'a broken package.json', { 'package.json': '{' }, {}, ['processor']],
    [70, 'no processor', without('processor.ts'), {}, ['processor']],
    [70, 'TypeScript that cannot be stripped', { 'processor.ts': enumeration }, {}, ['processor']],
    [70, 'a module that throws', { 'processor.ts': 'throw new Error("no luck");' }, {}, ['processor']],
    [70, 'PROCESSOR_MODULE outside', {}, { PROCESSOR_MODULE: '../a.ts' }, ['processor']],
    [
      78,
      'no queue name',
      { '.env': 'MESSAGING_TYPE=SqliteConnection' },
      {},
      ['MailServiceProcessor_QUEUE_NAME'],
    ],
    [78, 'a bad variable', {}, { CONCURRENCY: '0x10' }, ['CONCURRENCY']],
    [78, 'a schedule that says not when', {}, { EXECUTION_TYPE: 'CRON' }, ['CRON_TIME_AMOUNT']],
    [
      78,
      'production without a broker',
      { '.env': 'MailServiceProcessor_QUEUE_NAME=a' },
      { NODE_ENV: 'production' },
      ['MESSAGING_TYPE'],
    ],
    [78, 'an env file that is a folder', { '.env.local/note': '' }, {}, ['.env.local']],
    [
      78,
      'a dead-letter queue that is the queue',
      {},
      { DEAD_LETTER_QUEUE_NAME: 'CST_mail' },
      ['DEAD_LETTER_QUEUE_NAME'],
    ],
    [
      78,
      'all at once',
      { '.env.local/note': '', 'processor.ts': enumeration },
      { CONCURRENCY: '1e3', PROCESS_TIMEOUT: '10s', RETRY_FACTOR: 'NaN', LOG_FORMAT: 'text' },
      ['.env.local', 'CONCURRENCY', 'RETRY_FACTOR', 'PROCESS_TIMEOUT', 'LOG_FORMAT', 'processor'],
    ],
  ])('%i: %s', async (expected, _what, changes, env, names) => {
    const cwd = createService(changes);
    const { code, report } = await checkJson(cwd, env);
    expect({ code, ok: report.ok }).toEqual({ code: expected, ok: false });
    expect(report.problems.map(({ name }) => name)).toEqual(names);

    const asText = await runCli(['check'], { cwd, env });
    expect(asText.code).toBe(expected);
    const lines = report.problems.map((problem) => `problem: ${describeProblem(problem)}`);
    expect(asText.stdout).toContain([...lines, 'not ok', ''].join('\n'));

    const host = startHost({ cwd, env });
    expect(await host.exited).toEqual({ code: expected, signal: null });
    const fatal = host.lines.filter(({ level }) => level === 60).map(({ msg }) => String(msg));
    const said =
      expected === 70 ? report.problems.map(({ found }) => found) : report.problems.map(describeProblem);
    expect(fatal).toEqual(said);
  });
});

describe('secrets', () => {
  const secret = 'hunter2';

  it.each<[string, Env, string]>([
    ['by its parts', { RABBITMQ_USER: 'mail', RABBITMQ_PASSWORD: secret }, 'localhost:5672'],
    ['by its URL', { RABBITMQ_URL: `amqps://mail:${secret}@rabbit/v` }, 'rabbit:5671'],
    ['by a URL that is wrong', { RABBITMQ_URL: `amqp://mail:${secret}%zz@rabbit` }, 'localhost'],
    ['by a string that is not a URL', { RABBITMQ_URL: `amqp//mail:${secret}@rabbit` }, 'localhost'],
    ['by a password without a user', { RABBITMQ_PASSWORD: secret }, 'localhost'],
    ['by a URL in the wrong variable', { RABBITMQ_HOST: `amqp://mail:${secret}@rabbit` }, 'localhost'],
    ['by a name that is misspelt', { RABBITMQ_PASWORD: secret }, 'localhost'],
  ])('of RabbitMQ %s never appear in the output of check and run', async (_how, variables, address) => {
    const cwd = createService();
    const env = { MESSAGING_TYPE: 'RabbitMqConnection', ...variables };
    const json = await checkJson(cwd, env);
    const asText = await runCli(['check'], { cwd, env });
    expect(json.report.messaging?.broker).toContain(address);
    expect(JSON.stringify(json)).not.toContain(secret);
    expect(JSON.stringify(asText)).not.toContain(secret);
    if (json.report.ok) return;
    const host = await runCli([], { cwd, env });
    expect(host.code).toBe(78);
    expect(JSON.stringify(host)).not.toContain(secret);
  });
});
