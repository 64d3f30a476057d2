// Each example works as its README says: its files are copied, its commands run, and the host drains with 0.
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { startServer } from './messaging/sqs/server.ts';
import { examples, followReadme, installExample, services, type ReadmeCommand } from './support/example.ts';
import { runCli, startHost, type HostProcess } from './support/host-process.ts';
import { deleteQueues, uniqueQueueName } from './support/queue.ts';

/** Runs the `send` commands of a README. */
async function sendAll(cwd: string, env: Record<string, string>, commands: readonly ReadmeCommand[]) {
  const sends = commands.filter(({ args }) => args[0] === 'send');
  expect(sends).not.toHaveLength(0);
  for (const { args, input = '' } of sends) {
    expect(await runCli(args, { cwd, env, input })).toMatchObject({ code: 0 });
  }
}

/** Drains a host; returns its last line, the summary. */
async function drain(host: HostProcess): Promise<unknown> {
  host.signal('SIGTERM');
  expect(await host.exited).toEqual({ code: 0, signal: null });
  return host.lines.find(({ msg }) => msg === 'stopped');
}

describe('service-example', () => {
  const brokers = {
    'the embedded queue': () => ({}),
    RabbitMQ: () => {
      const url = inject('rabbitMqUrl');
      const prefix = `${uniqueQueueName('example')}_`;
      const names = ['test_queue', 'test_queue_dead', 'test_queue_retry_1000'];
      onTestFinished(() => deleteQueues(url, ...names.map((name) => prefix + name)));
      return { MESSAGING_TYPE: 'RabbitMqConnection', RABBITMQ_URL: url, QUEUE_NAME_PREFIX: prefix };
    },
  };

  it.each(Object.entries(brokers))('processes, retries and dead-letters %s', async (_, setUp) => {
    const [cwd, env] = [installExample('service-example'), setUp()];
    const commands = followReadme(cwd);
    const host = startHost({ cwd, env, args: commands[0]!.args });
    await host.waitForLine('consuming queue');
    await sendAll(cwd, env, commands);
    await host.waitForLine((line) => line['attempt'] === 2 && line['name'] === 'service-example');
    expect(await host.waitForLine('dead-lettered')).toMatchObject({ reason: 'rejected' });
    expect(await drain(host)).toMatchObject({ done: 2, retry: 1, dead: 1 });
  });
});

describe('sqs-service-example', () => {
  it('forwards all mails of its file, ten at a time', async () => {
    const server = await startServer();
    onTestFinished(() => server.stop());
    const [cwd, env] = [installExample('sqs-service-example'), { AWS_ENDPOINT_URL_SQS: server.address }];
    const commands = followReadme(cwd);
    const host = startHost({ cwd, env, args: commands[0]!.args });
    expect(await host.waitForLine('consuming queue')).toMatchObject({ queue: 'mails', concurrency: 10 });
    await sendAll(cwd, env, commands);
    const mails = () => host.lines.filter(({ msg }) => msg === 'Mail handed over!');
    await host.waitForLine(() => mails().length === 20);
    expect(mails().every(({ isNew }) => isNew === true)).toBe(true);
    expect(await drain(host)).toMatchObject({ done: 20, retry: 0, dead: 0 });
  });
});

describe('monorepo-example', () => {
  it('processes an order with TypeScript of the linked package, and rejects a message that is not an order', async () => {
    const cwd = installExample('monorepo-example/services/order-service');
    const commands = followReadme(cwd);
    const host = startHost({ cwd, env: {}, args: commands[0]!.args });
    await host.waitForLine('consuming queue shop_orders');
    await sendAll(cwd, {}, commands);
    expect(await host.waitForLine('Order accepted!')).toMatchObject({ orderId: 7, total: '37.50' });
    expect(await host.waitForLine('dead-lettered')).toMatchObject({ reason: 'invalid' });
    expect(await drain(host)).toMatchObject({ done: 1, dead: 1 });
    // Nothing was built: the TypeScript of the shared package ran as it is.
    expect(globSync('**/*.js', { cwd: path.resolve(cwd, '../../common') })).toEqual([]);
  });
});

describe('cron-service-example', () => {
  it('runs at startup and at its interval, and logs how the previous run ended', async () => {
    const cwd = installExample('cron-service-example');
    const [command] = followReadme(cwd);
    const host = startHost({ cwd, env: { CRON_TIME_AMOUNT: '1' }, args: command!.args });
    await host.waitForLine('Cron job of the child image!');
    await host.waitForLine((line) => line['lastOutcome'] === 'done');
    await drain(host);
  });
});

describe('cron-run-at-example', () => {
  it('shows its next runs, and runs once', async () => {
    const cwd = installExample('cron-run-at-example');
    const [check, once] = followReadme(cwd).map(({ args }) => args);
    const shown = await runCli(check!, { cwd });
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout.match(/T07:32:00\+0[12]:00/g)).toHaveLength(5);
    const run = await runCli(once!, { cwd });
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('Report of the day!');
  });
});

describe('every example', () => {
  it('is a service with a README, an environment, an image of one line and tests', () => {
    const found = globSync('**/processor.ts', { cwd: examples, exclude: ['**/node_modules'] });
    expect(found.map((file) => path.dirname(file)).sort()).toEqual([...services].sort());
    for (const service of services) {
      const file = (name: string) => path.join(examples, service, name);
      expect(readFileSync(file('Dockerfile'), 'utf8')).toBe('FROM rococo-service-base-onbuild\n');
      const missing = [
        'README.md',
        'package.json',
        '.env.example',
        '.vscode/launch.json',
        'processor.test.ts',
      ];
      expect(missing.filter((name) => !existsSync(file(name)))).toEqual([]);
    }
  });
});
