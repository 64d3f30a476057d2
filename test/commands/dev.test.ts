// `svchost dev` as a process, on services that are edited while they run.
import { existsSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { addFiles, createTree, type Tree } from '../processor/tree.ts';
import { insist, runCli, startHost, type HostProcess, type LogLine } from '../support/host-process.ts';
import { deleteQueues, uniqueQueueName } from '../support/queue.ts';
import { expireLeases } from '../messaging/sqlite/file.ts';
import { createService, waitingBodies } from './service.ts';

/** A processor that logs its version and its work, and can be held up by a missing file. */
const processorOf = (version: string, members = '') => `
  import { existsSync } from 'node:fs';
  import { setTimeout } from 'node:timers/promises';
  export class MailServiceProcessor {
    ${members}
    async process(message, { log }) {
      log.info({ message }, 'begun by ${version}');
      while (message.gate && !existsSync(message.gate)) await setTimeout(20);
      log.info({ message }, 'finished by ${version}');
    }
  }`;

interface Dev extends HostProcess {
  readonly cwd: string;
  /** Writes files of the service. */
  edit(tree: Tree): void;
  /** The nth line with that text. */
  waitForNth(text: string, count: number): Promise<LogLine>;
  /** Resolves once that text has been written, as part of a log line or not. */
  waitForText(text: string): Promise<void>;
}

/** Starts dev on a service; its lines are JSON. */
function startDev(changes: Tree = {}, env: Record<string, string> = {}, args: string[] = []): Dev {
  const cwd = createService({ 'processor.ts': processorOf('one'), ...changes });
  const dev = startHost({
    cwd,
    args: ['dev', ...args],
    env: { LOG_FORMAT: 'json', RETRY_INITIAL_DELAY: '0.02', ...env },
    hasInput: true,
  });
  return {
    ...dev,
    cwd,
    edit: (tree) => addFiles(cwd, tree),
    waitForNth: (text, count) => dev.waitForLine(() => linesOf(dev, text).length >= count),
    waitForText: async (text) => {
      await vi.waitFor(() => expect(dev.output()).toContain(text), { timeout: 20_000 });
    },
  };
}

async function startConsuming(...args: Parameters<typeof startDev>): Promise<Dev> {
  const dev = startDev(...args);
  await dev.waitForLine('consuming queue');
  return dev;
}

const linesOf = ({ lines }: HostProcess, text: string) =>
  lines.filter(({ msg }) => typeof msg === 'string' && msg.includes(text));

/** A path outside the service at which there is no file yet. */
const makeGate = () => path.join(createTree({}), 'gate');

describe('an edit', () => {
  it('replaces the code after a drain: messages in flight end with the old code, waiting ones begin with the new', async () => {
    const dev = await startConsuming();
    const gate = makeGate();
    dev.type(`s {"id": 1, "gate": "${gate}"}`);
    dev.type('s {"id": 2}');
    await dev.waitForLine('begun by one');
    dev.edit({ 'processor.ts': processorOf('two') });
    await dev.waitForLine('draining');
    // From another terminal. This takes long enough for the new code to begin the waiting message if it did not wait as
    // well.
    expect(await runCli(['send', '{"id": 3}'], { cwd: dev.cwd })).toMatchObject({ code: 0 });
    writeFileSync(gate, '');
    await dev.waitForNth('finished by two', 2);
    const story = dev.lines
      .filter(({ msg }) => /^(changed|begun|finished|consuming|stopped)/.test(String(msg)))
      .map(({ msg, message }) =>
        [String(msg), (message as { id?: number } | undefined)?.id].join(' ').trim(),
      );
    expect(story).toEqual([
      'consuming queue CST_mail',
      'begun by one 1',
      'changed: processor.ts; loading the code',
      'finished by one 1',
      'stopped',
      'consuming queue CST_mail',
      'begun by two 2',
      'finished by two 2',
      'begun by two 3',
      'finished by two 3',
    ]);
    dev.type('q');
    expect(await dev.exited).toEqual({ code: 0, signal: null });
    expect(waitingBodies(dev.cwd)).toEqual([]);
  });

  it('during the drain of the old code counts as well: of three versions the second never runs', async () => {
    const dev = await startConsuming();
    const gate = makeGate();
    dev.type(`s {"gate": "${gate}"}`);
    dev.type('s {"id": 2}');
    await dev.waitForLine('begun by one');
    dev.edit({ 'processor.ts': processorOf('two') });
    await dev.waitForLine('draining');
    dev.edit({ 'processor.ts': processorOf('three') });
    await dev.waitForNth('changed: ', 2);
    writeFileSync(gate, '');
    await dev.waitForLine('finished by three');
    expect(dev.output()).not.toContain('by two');
    expect(linesOf(dev, 'finished by one')).toHaveLength(1);
  });

  it('requeues messages that do not end within SHUTDOWN_TIMEOUT: the new code gets them', async () => {
    const dev = await startConsuming({}, { SHUTDOWN_TIMEOUT: '0.1' });
    dev.type(`s {"gate": "${makeGate()}"}`);
    await dev.waitForLine('begun by one');
    dev.edit({ 'processor.ts': processorOf('two') });
    await dev.waitForLine('draining ended with exit code 75 (the drain ran out of time');
    await dev.waitForLine('begun by two');
  });

  it(
    'kills a process that never ends, and its child processes; the message is redelivered',
    { timeout: 90_000 },
    async () => {
      const stuck = `
      import { spawn } from 'node:child_process';
      export class MailServiceProcessor {
        process(message, { log }) {
          const helper = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
          log.info('stuck with process ' + helper.pid);
          for (;;);
        }
      }`;
      const dev = await startConsuming({ 'processor.ts': stuck }, { SHUTDOWN_TIMEOUT: '0' });
      dev.type('s {"id": 1}');
      await dev.waitForLine('stuck');
      dev.edit({ 'processor.ts': processorOf('two') });
      await dev.waitForLine('did not end in time and was killed');
      // As if the lease of the killed process had run out.
      expireLeases(path.join(dev.cwd, '.svchost/queue.db'));
      await dev.waitForLine('finished by two');
      dev.type('q');
      // Its output ends with the last process that holds it, which would be the child process.
      expect(await dev.exited).toEqual({ code: 0, signal: null });
    },
  );

  it('of an env file restarts the service with the new values', async () => {
    const dev = await startConsuming();
    dev.edit({ '.env.local': 'QUEUE_NAME_PREFIX=local_' });
    await dev.waitForLine('changed: .env.local');
    await dev.waitForLine('consuming queue local_mail');
    dev.type('s {"id": 1}');
    await dev.waitForLine('sent to local_mail');
    await dev.waitForLine('finished by one');
  });

  it('of a linked package restarts it, as does a new file in that package', async () => {
    const root = createTree({
      'common/package.json': { name: 'common', type: 'module', exports: './src/index.ts' },
      'common/src/index.ts': "export const word: string = 'first';",
    });
    const dev = startDev({
      'node_modules/.keep': '',
      'processor.ts': `import { word } from 'common'; console.log(JSON.stringify({ msg: 'the word is ' + word }));
        ${processorOf('one')}`,
    });
    symlinkSync(path.join(root, 'common'), path.join(dev.cwd, 'node_modules/common'));
    // The link may be created after the first attempt.
    dev.type('r');
    await dev.waitForLine('the word is first');
    await dev.waitForLine('consuming queue');
    addFiles(root, { 'common/src/index.ts': "export { word } from './word.ts';" });
    await dev.waitForLine('there is no ');
    addFiles(root, { 'common/src/word.ts': "export const word = 'second';" });
    await dev.waitForLine('the word is second');
    await dev.waitForNth('consuming queue', 2);
  });

  it('of data counts if --watch names it', async () => {
    const cwd = createTree({ 'templates/hello.txt': 'hello' });
    const dev = await startConsuming({}, {}, ['--watch', path.join(cwd, 'templates')]);
    addFiles(cwd, { 'templates/de/hallo.txt': 'hallo' });
    await dev.waitForLine('/templates/de');
    await dev.waitForNth('consuming queue', 2);
  });
});

describe('code that does not load', () => {
  it('leaves the running code in place and reports the place of the error, until it is fixed', async () => {
    const dev = await startConsuming({ 'lib/word.ts': "export const word: string = 'a';" });
    dev.edit({
      'processor.ts': `import { word } from './lib/word.ts'; ${processorOf('two')} console.log(word);`,
      'lib/word.ts': "export const word: string = 'a';\nexport const other = ;",
    });
    await dev.waitForLine('cannot load processor.ts: Expression expected (lib/word.ts:2)');
    await dev.waitForLine('the service continues as it was before the change');
    dev.type('s {"id": 1}');
    await dev.waitForLine('finished by one');

    dev.edit({ 'lib/word.ts': "import './new/more.ts';\nexport const word = 'a';" });
    await dev.waitForLine('there is no lib/new/more.ts (imported by lib/word.ts)');
    dev.type('s {"id": 2}');
    await dev.waitForNth('finished by one', 2);

    dev.edit({ 'lib/new/more.ts': 'export {};' });
    await dev.waitForNth('consuming queue', 2);
    dev.type('s {"id": 3}');
    await dev.waitForLine('finished by two');
    expect(linesOf(dev, 'draining')).toHaveLength(1);
  });

  it.each<[string, string, string]>([
    [
      'JavaScript with an error, whose place Node shows',
      'export const x = 1;\nconst y = ;',
      'lib/part.js:2\nconst y = ;',
    ],
    ['a module that throws', 'throw new Error("no luck");', 'no luck (lib/part.js:1:7)'],
    [
      'a module that ends the process',
      'process.exit(3);',
      "the service's own code ended the process with process.exit(3)",
    ],
    [
      'a module that awaits a promise for ever',
      'await new Promise(() => {});',
      'loading the processor can never end: ',
    ],
    [
      'an uncaught error',
      'setImmediate(() => { throw new Error("late"); }); await new Promise((resolve) => setTimeout(resolve, 5000));',
      'Error: late',
    ],
  ])('is %s', async (_name, part, shown) => {
    const dev = await startConsuming();
    dev.edit({ 'lib/part.js': part, 'processor.ts': `import './lib/part.js'; ${processorOf('two')}` });
    await dev.waitForText(shown);
    await dev.waitForLine('the service continues as it was before the change');
    dev.type('s {"id": 1}');
    await dev.waitForLine('finished by one');
  });

  it('is replaced before it has loaded if it is edited again', async () => {
    const dev = await startConsuming();
    // Kept alive, so that it can load for as long as it likes.
    dev.edit({
      'processor.ts': `setInterval(() => {}, 1000); await new Promise(() => {}); ${processorOf('two')}`,
    });
    await dev.waitForLine('the code is still loading');
    dev.edit({ 'processor.ts': processorOf('three') });
    dev.type('s {"id": 1}');
    await dev.waitForNth('consuming queue', 2);
    expect(linesOf(dev, 'is not running')).toEqual([]);
  });

  it('may be the first version, as may wrong settings: dev waits until they are fixed', async () => {
    const dev = startDev({ 'processor.ts': undefined });
    await dev.waitForLine('no processor in ');
    await dev.waitForLine(
      'the service is not running; it starts again when its code changes, or when you type r',
    );
    dev.edit({ '.env.local': 'CONCURRENCY=none' });
    await dev.waitForLine('CONCURRENCY: expected a whole number');
    rmSync(path.join(dev.cwd, '.env.local'));
    dev.edit({ 'processor.ts': processorOf('one') });
    await dev.waitForLine('consuming queue');
  });
});

describe('a service that ends by itself', () => {
  it('is not started again before its code changes, and dev says so', async () => {
    const crashing = 'start() { setImmediate(() => { throw new Error("a bug"); }); }';
    const dev = startDev({ 'processor.ts': processorOf('one', crashing) });
    await dev.waitForLine(
      'the service ended with exit code 1 (the service failed); it starts again when its code changes, or when you type r',
    );
    dev.type('r');
    await dev.waitForNth('the service ended with exit code 1', 2);
    dev.edit({ 'processor.ts': processorOf('two') });
    await dev.waitForLine('consuming queue');
    expect(linesOf(dev, 'starting the service')).toHaveLength(3);
  });

  it.each<[string, string, string]>([
    ['its constructor throws', 'constructor() { throw new Error("no database"); }', 'exit code 70'],
    ['its start() fails', 'start() { throw new Error("no database"); }', 'exit code 1'],
    ['it is killed', "start() { process.kill(process.pid, 'SIGKILL'); }", 'signal SIGKILL'],
  ])('is waited for if %s', async (_name, member, how) => {
    const dev = await startConsuming();
    dev.edit({ 'processor.ts': processorOf('two', member) });
    await dev.waitForLine(`the service ended with ${how}`);
    // Messages sent meanwhile wait.
    dev.type('s {"id": 1}');
    await dev.waitForLine('sent to CST_mail');
    dev.edit({ 'processor.ts': processorOf('three') });
    await dev.waitForLine('finished by three');
  });

  it('may have finished', async () => {
    const dev = startDev(
      { 'consume.env': 'EXIT_WHEN_FINISHED=1' },
      { CONSUME_CONFIG_FILE_PATH: 'consume.env' },
    );
    await dev.waitForLine('the service has ended; it starts again when its code changes, or when you type r');
  });
});

describe('typed lines', () => {
  it('send, list dead letters, restart and quit', async () => {
    const rejecting = `export class MailServiceProcessor {
      process() { throw Object.assign(new Error('not this one'), { code: 'DEAD_LETTER' }); }
    }`;
    const dev = startDev({ 'processor.ts': rejecting });
    // Before the queue's name is known.
    dev.type('d');
    await dev.waitForText('dead letters in CST_mail_dead: 0\n');
    dev.type('s {id: 1}');
    await dev.waitForLine('the message is not JSON; type it as s {"id": 1}');
    dev.type('x');
    await dev.waitForLine('unknown line: type h for a list');
    dev.type('h');
    await dev.waitForText('list the newest dead letters');
    for (let id = 1; id <= 21; id++) dev.type(`s {"id": ${id}}`);
    // The log announces a dead letter before it is in its queue.
    await dev.waitForNth('dead-lettered', 21);
    await vi.waitUntil(() => waitingBodies(dev.cwd, 'CST_mail_dead').length === 21, { timeout: 20_000 });
    dev.type('d');
    await dev.waitForText('dead letters in CST_mail_dead: the newest 20 of 21\n');
    await dev.waitForText('    {"id": 21}\n');
    const [, list = ''] = dev.output().split('the newest 20 of 21');
    expect(list).toMatch(
      /\n {2}[0-9a-f-]{36}\n {4}\d{4}-.*Z, rejected, after 1 attempt\n {4}Error: not this one\n/,
    );
    expect(list).not.toContain('{"id": 1}\n');
    expect(list.indexOf('{"id": 2}\n')).toBeLessThan(list.indexOf('{"id": 20}\n'));
    // They are still in the queue.
    expect(waitingBodies(dev.cwd, 'CST_mail_dead')).toHaveLength(21);
    // Nor have the queue's own writes counted as changes.
    expect(linesOf(dev, 'changed')).toEqual([]);
    dev.type('r');
    await dev.waitForNth('consuming queue', 2);
    dev.type('s {"id": 22}');
    dev.type('q');
    expect(await dev.exited).toEqual({ code: 0, signal: null });
    expect(linesOf(dev, 'sent to CST_mail')).toHaveLength(22);
  });

  it('may end: dev continues', async () => {
    const dev = await startConsuming();
    dev.endInput();
    dev.edit({ 'processor.ts': processorOf('two') });
    await dev.waitForNth('consuming queue', 2);
    dev.signal('SIGTERM');
    expect(await dev.exited).toEqual({ code: 0, signal: null });
  });

  it('send on RabbitMQ, and name the place of its dead letters', async () => {
    const url = inject('rabbitMqUrl');
    const queue = uniqueQueueName('dev');
    onTestFinished(() => deleteQueues(url, queue, `${queue}_dead`));
    const env = { MESSAGING_TYPE: 'RabbitMqConnection', RABBITMQ_URL: url, QUEUE_NAME_PREFIX: '' };
    const dev = await startConsuming({}, { ...env, MailServiceProcessor_QUEUE_NAME: queue });
    dev.type('s {"id": 1}');
    await dev.waitForLine('finished by one');
    dev.type('d');
    await dev.waitForLine(
      `RabbitMQ cannot list messages without consuming them: look at the queue ${queue}_dead in its management UI`,
    );
    dev.type('q');
    expect(await dev.exited).toEqual({ code: 0, signal: null });
  });

  it('have no queue if the service runs on a schedule, which is watched all the same', async () => {
    const env = {
      EXECUTION_TYPE: 'CRON',
      CRON_TIME_AMOUNT: '1',
      CRON_TIME_UNIT: 'weeks',
      RUN_AT_STARTUP: 'true',
    };
    const report = (version: string) => `export class ReportServiceProcessor {
      process({ log }) { log.info('reported by ${version}'); }
    }`;
    const dev = startDev({ 'processor.ts': report('one') }, env);
    await dev.waitForLine('reported by one');
    dev.type('s 1');
    await dev.waitForLine('no queue: the service runs on a schedule');
    dev.edit({ 'processor.ts': report('two') });
    await dev.waitForLine('reported by two');
    dev.type('q');
    expect(await dev.exited).toEqual({ code: 0, signal: null });
  });
});

describe('the end', () => {
  it.each<NodeJS.Signals>(['SIGINT', 'SIGTERM', 'SIGHUP'])('drains by %s', async (signal) => {
    const dev = await startConsuming();
    const gate = makeGate();
    dev.type(`s {"gate": "${gate}"}`);
    await dev.waitForLine('begun by one');
    dev.signal(signal);
    await dev.waitForLine('draining');
    // npx forwards the Ctrl-C that the terminal has sent already.
    dev.signal(signal);
    writeFileSync(gate, '');
    expect(await dev.exited).toEqual({ code: 0, signal: null });
    expect(linesOf(dev, 'finished by one')).toHaveLength(1);
  });

  it('is up to dev: Ctrl-C on its terminal does not reach the service, which has its own process group', async () => {
    const leader = "start() { process.kill(-process.pid, 0); console.log('leads a group'); }";
    const dev = await startConsuming({ 'processor.ts': processorOf('one', leader) });
    expect(dev.output()).toContain('leads a group');
  });

  it('comes at once with a second Ctrl-C, some time after the first', async () => {
    const dev = await startConsuming();
    dev.type(`s {"gate": "${makeGate()}"}`);
    await dev.waitForLine('begun by one');
    dev.signal('SIGINT');
    await dev.waitForLine('draining');
    await insist(dev, 'SIGINT');
    // Its output ends with the last process that holds it, the service's included.
    expect(await dev.exited).toEqual({ code: 130, signal: null });
  });

  it('of dev by kill -9 drains the service, too', async () => {
    const dev = await startConsuming();
    const gate = makeGate();
    dev.type(`s {"gate": "${gate}"}`);
    await dev.waitForLine('begun by one');
    dev.signal('SIGKILL');
    await dev.waitForLine('draining');
    writeFileSync(gate, '');
    // Its output ends with the last process that holds it.
    expect(await dev.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(linesOf(dev, 'finished by one')).toHaveLength(1);
    expect(linesOf(dev, 'stopped')).toHaveLength(1);
  });

  it('of dev by kill -9 also ends code that is still loading', async () => {
    const marker = makeGate();
    const dev = startDev({
      'processor.ts': `import { writeFileSync } from 'node:fs';
        setInterval(() => {}, 1000); writeFileSync('${marker}', ''); await new Promise(() => {});`,
    });
    await vi.waitUntil(() => existsSync(marker), { timeout: 20_000 });
    dev.signal('SIGKILL');
    expect(await dev.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('of dev by kill -9 also ends a service that blocks the event loop for ever', async () => {
    const dev = await startConsuming(
      {
        'processor.ts':
          "export class MailServiceProcessor { process(_, { log }) { log.info('stuck'); for (;;); } }",
      },
      { SHUTDOWN_TIMEOUT: '0' },
    );
    dev.type('s 1');
    await dev.waitForLine('stuck');
    dev.signal('SIGKILL');
    expect(await dev.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it.each<[string, string[], string]>([
    ['a directory that does not exist', ['--dir', 'nowhere'], 'nowhere is not a directory'],
    [
      'a --watch path that does not exist',
      ['--watch', 'nothing'],
      'nothing: there is no such file or folder',
    ],
  ])('comes at once with %s', async (_name, args, message) => {
    const dev = startDev({}, {}, args);
    expect(await dev.exited).toEqual({ code: 64, signal: null });
    expect(dev.output()).toContain(message);
  });
});

describe('the lines of dev', () => {
  it('are for people, unless LOG_FORMAT says otherwise', async () => {
    const dev = startDev({}, { LOG_FORMAT: '' });
    await dev.waitForText('consuming queue CST_mail');
    expect(dev.output()).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] .*INFO.* \(dev\): .*watching /);
    expect(dev.output()).not.toMatch(/^\{/m);
  });

  it('are written at any LOG_LEVEL', async () => {
    const dev = startDev({}, { LOG_LEVEL: 'silent' });
    await dev.waitForLine('starting the service');
  });
});
