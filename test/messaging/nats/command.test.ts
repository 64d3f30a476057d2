// The commands with MESSAGING_TYPE=NatsConnection: settings, driver and server together, each command in its own process.
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, it, onTestFinished, vi } from 'vitest';
import { createTree } from '../../processor/tree.ts';
import { runCli, startHost } from '../../support/host-process.ts';
import { startOwnNats } from '../../support/own-nats.ts';
import { freePort } from '../../support/port.ts';
import { browse, deleteNatsQueues, openClient } from './harness.ts';

const patience = { timeout: 30_000, interval: 20 };
const fixtures = path.resolve(import.meta.dirname, '../rabbitmq/fixtures');

let control: Awaited<ReturnType<typeof openClient>>;

beforeAll(async () => {
  control = await openClient(inject('natsUrl'));
});
afterAll(() => control.nc.close());

function serviceDirectory(): string {
  return createTree({
    'package.json': { name: 'order', version: '1.0.0', type: 'module' },
    'processor.js': `export class OrderServiceProcessor {
      async process({ id, failOnce }, { log, attempt, signal }) {
        log.info({ id }, 'order begun');
        if (failOnce && attempt === 1) throw new Error('once');
        if (process.env.MODE === 'exit') process.kill(process.pid, 'SIGKILL');
        if (process.env.MODE === 'hang') await new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        });
        await new Promise((resolve) => setTimeout(resolve, Number(process.env.WORK_MS ?? 0)));
        log.info({ id }, 'order done');
      }
    }`,
  });
}

/** The environment of a service with a queue of its own, which is deleted at the end. */
function makeQueue(): { readonly queue: string; readonly env: Record<string, string> } {
  const queue = `command-${randomUUID()}`;
  onTestFinished(() => deleteNatsQueues(queue, `${queue}_dead`));
  const env = {
    MESSAGING_TYPE: 'NatsConnection',
    NATS_URL: inject('natsUrl'),
    NATS_ACK_WAIT: '1',
    OrderServiceProcessor_QUEUE_NAME: queue,
  };
  return { queue, env };
}

/** The messages in a queue, once it has this many. */
async function waitForMessages(queue: string, count: number) {
  return await vi.waitFor(async () => {
    const messages = await browse(control.jsm, queue);
    expect(messages).toHaveLength(count);
    return messages;
  }, patience);
}

it('send and run move a message, and one that was in flight in a killed host is redelivered', async () => {
  const { queue, env } = makeQueue();
  const cwd = serviceDirectory();
  expect(await runCli(['send', '{"id": 7}'], { cwd, env })).toMatchObject({ code: 0 });
  const killed = startHost({ cwd, env: { ...env, MODE: 'hang' } });
  await killed.waitForLine('order begun');
  killed.signal('SIGKILL');
  await killed.exited;
  const next = startHost({ cwd, env });
  expect(await next.waitForLine('order done')).toMatchObject({ id: 7 });
  await waitForMessages(queue, 0);
  next.signal('SIGTERM');
  expect(await next.exited).toMatchObject({ code: 0 });
});

it('a host that gets SIGTERM finishes what is in flight, and leaves the rest to another', async () => {
  const { queue, env } = makeQueue();
  const cwd = serviceDirectory();
  const draining = startHost({ cwd, env: { ...env, WORK_MS: '2500' } });
  await draining.waitForLine('consuming queue');
  for (const id of [1, 2]) await runCli(['send', `{"id": ${id}}`], { cwd, env });
  await draining.waitForLine('order begun');
  draining.signal('SIGTERM');
  await draining.waitForLine('draining');
  const other = startHost({ cwd, env });
  expect(await other.waitForLine('order done')).toMatchObject({ id: 2 });
  expect(await draining.exited).toEqual({ code: 0, signal: null });
  expect(draining.lines.filter(({ msg }) => msg === 'order done')).toMatchObject([{ id: 1 }]);
  expect(other.lines.filter(({ msg }) => msg === 'order begun')).toMatchObject([{ id: 2 }]);
  await waitForMessages(queue, 0);
});

it('a host whose drain runs out of time requeues what is in flight, and ends with 75', async () => {
  const { queue, env } = makeQueue();
  const cwd = serviceDirectory();
  const host = startHost({
    cwd,
    env: { ...env, MODE: 'hang', NATS_ACK_WAIT: '60', SHUTDOWN_TIMEOUT: '0.5' },
  });
  await host.waitForLine('consuming queue');
  await runCli(['send', '{"id": 1}'], { cwd, env });
  await host.waitForLine('order begun');
  host.signal('SIGTERM');
  expect(await host.exited).toEqual({ code: 75, signal: null });
  // At once: the next host need not wait until the lease of a minute has expired.
  const next = startHost({ cwd, env });
  expect(await next.waitForLine('order done', 10_000)).toMatchObject({ id: 1 });
  await waitForMessages(queue, 0);
});

it('a message that takes down each host becomes a dead letter', { timeout: 120_000 }, async () => {
  const { queue, env } = makeQueue();
  const cwd = serviceDirectory();
  const poisoned = { ...env, MODE: 'exit', CRASH_MAX_DELIVERIES: '2' };
  const first = startHost({ cwd, env: poisoned });
  await first.waitForLine('consuming queue');
  await runCli(['send', '{"id": 1}'], { cwd, env });
  expect(await first.exited).toMatchObject({ signal: 'SIGKILL' });
  const second = startHost({ cwd, env: poisoned });
  expect(await second.exited).toMatchObject({ signal: 'SIGKILL' });
  const third = startHost({ cwd, env: poisoned });
  const [letter] = await waitForMessages(`${queue}_dead`, 1);
  expect(letter!.headers).toMatchObject({ 'svchost-reason': 'crashed', 'svchost-attempts': 1 });
  await waitForMessages(queue, 0);
  third.signal('SIGTERM');
  expect(await third.exited).toEqual({ code: 0, signal: null });
});

it('EXIT_WHEN_FINISHED ends the host with 0 once the queue is empty, retries included', async () => {
  const { queue, env } = makeQueue();
  const cwd = serviceDirectory();
  const file = path.join(cwd, 'consume.env');
  const retries = { RETRY_INITIAL_DELAY: '0.5', RETRY_MAX_ATTEMPTS: '2' };
  const input = ['{"id": 1}', '{"id": 2, "failOnce": true}', '{"id": 3}'].join('\n');
  await runCli(['send'], { cwd, env, input });
  writeFileSync(file, 'EXIT_WHEN_FINISHED=1');
  const host = startHost({ cwd, env: { ...env, ...retries, CONSUME_CONFIG_FILE_PATH: file } });
  expect(await host.exited).toEqual({ code: 0, signal: null });
  expect(host.lines.filter(({ msg }) => msg === 'order done')).toHaveLength(3);
  await waitForMessages(queue, 0);
});

it('check --connect shows the server, and what is wrong with the queue', async () => {
  const { queue, env } = makeQueue();
  const cwd = serviceDirectory();
  const fine = await runCli(['check', '--connect'], { cwd, env });
  expect(fine).toMatchObject({ code: 0, stdout: expect.stringContaining('nats://') as string });
  expect(fine.stdout).not.toContain('max_age');
  const subjects = [`svchost.${queue}`, `svchost.${queue}.copy`];
  await control.jsm.streams.add({ name: queue, subjects, max_age: 3_600_000_000_000 });
  const warned = await runCli(['check', '--connect'], { cwd, env });
  expect(warned.stdout).toContain(`queue "${queue}" has max_age`);
});

it('with a wrong password the host exits with 69, and the password is not shown', async () => {
  await using own = await startOwnNats({ login: { username: 'me', password: 'secret' } });
  const { env } = makeQueue();
  const url = `nats://me:hunter2@127.0.0.1:${own.port}`;
  const host = startHost({ cwd: serviceDirectory(), env: { ...env, NATS_URL: url } });
  expect(await host.exited).toEqual({ code: 69, signal: null });
  const { error } = await host.waitForLine('the service failed');
  expect(error).toMatchObject({ message: expect.stringContaining('NATS_PASSWORD') as string });
  expect(host.output()).not.toContain('hunter2');
  const allowed = {
    ...env,
    NATS_URL: `nats://127.0.0.1:${own.port}`,
    NATS_USER: 'me',
    NATS_PASSWORD: 'secret',
  };
  expect(await runCli(['check', '--connect'], { cwd: serviceDirectory(), env: allowed })).toMatchObject({
    code: 0,
  });
});

it('with no server it keeps trying, and can be stopped', async () => {
  const { env } = makeQueue();
  const url = `nats://127.0.0.1:${await freePort()}`;
  const host = startHost({ cwd: serviceDirectory(), env: { ...env, NATS_URL: url } });
  const failed = () => host.lines.filter(({ msg }) => msg === 'cannot connect; trying again');
  await vi.waitFor(() => expect(failed().length).toBeGreaterThanOrEqual(2), patience);
  host.signal('SIGTERM');
  expect(await host.exited).toEqual({ code: 0, signal: null });
});

it('a server with TLS is used if its certificate is trusted, else the reason is shown', async () => {
  const certificate = path.join(fixtures, 'cert.pem');
  const args = ['--tls', '--tlscert', certificate, '--tlskey', path.join(fixtures, 'key.pem')];
  await using own = await startOwnNats({ args });
  const env = { ...makeQueue().env, NATS_URL: `tls://localhost:${own.port}` };
  const cwd = serviceDirectory();
  const trusting = await runCli(['check', '--connect'], {
    cwd,
    env: { ...env, NODE_EXTRA_CA_CERTS: certificate },
  });
  expect(trusting).toMatchObject({ code: 0, stdout: expect.stringContaining('tls://') as string });
  const wary = await runCli(['check', '--connect'], { cwd, env });
  expect(wary.code).not.toBe(0);
  expect(wary.stdout).toContain('self-signed certificate');
});
