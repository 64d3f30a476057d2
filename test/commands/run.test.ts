// `svchost run` as a process: its service, its output, and its exit code. The pipeline is tested in test/service.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli, startHost, type HostProcess } from '../support/host-process.ts';
import { addFiles, linkPackage } from '../processor/tree.ts';
import { createService, mail } from './service.ts';

const messagesOf = ({ lines }: HostProcess) => lines.map(({ msg }) => msg);

describe('a service that starts', () => {
  it('logs the lines of the Python host, then the queue that it consumes; SIGTERM ends it with 0', async () => {
    const cwd = createService();
    const host = startHost({ cwd });
    expect(await host.waitForLine('consuming')).toMatchObject({
      level: 30,
      name: 'svchost',
      queue: 'CST_mail',
      concurrency: 1,
      broker: `sqlite:${cwd}/.svchost/queue.db`,
      msg: 'consuming queue CST_mail',
    });
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
    expect(messagesOf(host)).toEqual([
      expect.stringMatching(/^Rococo Service Host Version: \d+\.\d+\.\d+/),
      'processor_module: processor.ts',
      'processor_type: MailServiceProcessor',
      'processor_loader: Node',
      'Service Processor Version: 1.2.3',
      'connected',
      'queue was missing; created',
      'consuming queue CST_mail',
      'draining',
      'stopped',
    ]);
  });

  it.each([
    ['svchost', []],
    ['svchost run', ['run']],
    ['svchost --dir', ['--dir', 'service']],
    ['svchost run --dir', ['run', '--dir', 'service']],
  ])('may be started by %s', async (_how, args) => {
    const directory = createService();
    const cwd = args.includes('--dir') ? path.dirname(directory) : directory;
    const host = startHost({
      cwd,
      args: args.map((arg) => (arg === 'service' ? path.basename(directory) : arg)),
    });
    expect(await host.waitForLine('consuming')).toMatchObject({ queue: 'CST_mail' });
  });

  it('processes the messages of send, and its own lines carry the name of the service', async () => {
    const cwd = createService();
    await runCli(['send', '{"id":1}'], { cwd });
    const host = startHost({ cwd });
    expect(await host.waitForLine('got it')).toMatchObject({ name: 'mail', message: { id: 1 } });
    await runCli(['send', '{"id":2}'], { cwd });
    await host.waitForLine(({ message }) => JSON.stringify(message) === '{"id":2}');
  });

  it('writes for people with LOG_FORMAT=pretty', async () => {
    const cwd = createService({ 'consume.env': 'EXIT_WHEN_FINISHED=1' });
    const env = { LOG_FORMAT: 'pretty', CONSUME_CONFIG_FILE_PATH: 'consume.env' };
    const { code, stdout } = await runCli([], { cwd, env });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^\[\d\d:\d\d:\d\d\.\d{3}\] .*INFO.* \(svchost\): .*Rococo Service Host Version: /,
    );
    expect(stdout).toContain('consuming queue CST_mail');
    expect(stdout).not.toMatch(/^\{/m);
  });

  it('writes nothing below LOG_LEVEL', async () => {
    const cwd = createService({ 'processor.ts': 'throw new Error("no luck");' });
    const host = startHost({ cwd, env: { LOG_LEVEL: 'warn' } });
    expect((await host.exited).code).toBe(70);
    expect(messagesOf(host)).toEqual([expect.stringMatching(/^cannot load processor\.ts: no luck/)]);
  });

  it('reads its consume config relative to its own directory, not to that in which it was started', async () => {
    const directory = createService({ 'consume.env': 'EXIT_WHEN_FINISHED=1' });
    const host = startHost({
      cwd: '/',
      args: ['--dir', directory],
      env: { CONSUME_CONFIG_FILE_PATH: 'consume.env' },
    });
    expect(await host.exited).toEqual({ code: 0, signal: null });
  });
});

describe('env files', () => {
  it('are read again by each run, and variables that are already set win', async () => {
    const cwd = createService({ '.env.local': 'QUEUE_NAME_PREFIX=local_' });
    const queueOf = async (env: Record<string, string>) => {
      const host = startHost({ cwd, env });
      const { queue } = await host.waitForLine('consuming');
      host.signal('SIGINT');
      expect(await host.exited).toEqual({ code: 0, signal: null });
      return queue;
    };
    expect(await queueOf({})).toBe('local_mail');
    expect(await queueOf({ QUEUE_NAME_PREFIX: 'set_' })).toBe('set_mail');
    expect(await queueOf({ QUEUE_NAME_PREFIX: '' })).toBe('mail');
    rmSync(path.join(cwd, '.env.local'));
    expect(await queueOf({})).toBe('CST_mail');
  });

  it('also set variables that the processor reads', async () => {
    const code = 'console.log(JSON.stringify({ msg: "colour " + process.env.COLOUR }));';
    const host = startHost({
      cwd: createService({ '.env.secrets': 'COLOUR=blue', 'processor.ts': code + mail }),
    });
    await host.waitForLine('colour blue');
  });
});

describe('a service that does not start', () => {
  it('ends with 70 if its constructor throws', async () => {
    const code =
      'export class MailServiceProcessor { constructor() { throw new Error("no DATABASE_URL"); } process() {} }';
    const host = startHost({ cwd: createService({ 'processor.ts': code }) });
    expect(await host.exited).toEqual({ code: 70, signal: null });
    expect(host.lines.at(-1)).toMatchObject({
      level: 60,
      code: 'PROCESSOR',
      msg: 'new MailServiceProcessor() of processor.ts failed: no DATABASE_URL',
    });
  });

  it('has one fatal line per problem, with the problem as a field', async () => {
    const env = { CONCURRENCY: '0', SHUTDOWN_TIMEOUT: '10s' };
    const host = startHost({ cwd: createService(), env });
    expect(await host.exited).toEqual({ code: 78, signal: null });
    expect(host.lines.filter(({ level }) => level === 60)).toMatchObject([
      {
        code: 'CONFIGURATION',
        problem: { name: 'CONCURRENCY', expected: 'a whole number from 1 to 65535', found: '"0"' },
        msg: 'CONCURRENCY: expected a whole number from 1 to 65535; found "0"',
      },
      { problem: { name: 'SHUTDOWN_TIMEOUT', found: '"10s"' } },
    ]);
  });

  it('logs warnings all the same: a warning may explain the problem', async () => {
    const cwd = createService({
      '.env': 'MESSAGING_TYP=RabbitMqConnection\nPROCESSOR_MODULE=mail.processor',
    });
    const host = startHost({ cwd });
    expect(await host.exited).toEqual({ code: 78, signal: null });
    expect(messagesOf(host).slice(1)).toEqual([
      'MESSAGING_TYP is not known; did you mean MESSAGING_TYPE?',
      'MESSAGING_TYPE is not set; using the embedded queue (SqliteConnection)',
      'PROCESSOR_MODULE "mail.processor" does not resolve; using processor.ts, which was found without it',
      'MailServiceProcessor_QUEUE_NAME: expected the name of the queue that the processor consumes; found nothing',
    ]);
  });
});

describe('the example of the README', () => {
  it('extends BaseServiceProcessor of the package, in a service that has it installed', async () => {
    const cwd = createService();
    linkPackage(cwd);
    addFiles(cwd, {
      'processor.ts': `
        import { BaseServiceProcessor, type MessageContext } from 'rococo-svchost';
        export class MailServiceProcessor extends BaseServiceProcessor {
          override process(message: unknown, { log }: MessageContext): void { log.info({ message }, 'mailed'); }
        }`,
    });
    await runCli(['send', '"hello"'], { cwd });
    const host = startHost({ cwd });
    expect(await host.waitForLine('mailed')).toMatchObject({ name: 'mail', message: 'hello' });
  });
});
