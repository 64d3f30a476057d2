// The commands with MESSAGING_TYPE=SqsConnection: settings, driver and server together, each command a process of its own.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { runCli, startHost, type HostProcess } from '../../support/host-process.ts';
import { createRig, remaining, type Rig } from './rig.ts';

const patience = { timeout: 20_000, interval: 10 };

function serviceDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'svchost-sqs-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(
    path.join(directory, 'package.json'),
    JSON.stringify({ name: 'order', version: '1.0.0', type: 'module' }),
  );
  const processor = `export class OrderServiceProcessor {
    async process({ id, failOnce }, { log, attempt }) {
      if (failOnce && attempt === 1) throw new Error('once');
      log.info({ id }, 'order begun');
      if (process.env.MODE === 'hang') await new Promise(() => setInterval(() => undefined, 1000));
      await new Promise((resolve) => setTimeout(resolve, Number(process.env.WORK_MS ?? 0)));
      log.info({ id }, 'order done');
    }
  }`;
  writeFileSync(path.join(directory, 'processor.js'), processor);
  return directory;
}

function envOf({ server }: Rig, queue: string): Record<string, string> {
  return {
    MESSAGING_TYPE: 'SqsConnection',
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'hunter2',
    AWS_ENDPOINT_URL_SQS: server.address,
    OrderServiceProcessor_QUEUE_NAME: queue,
  };
}

/** How many messages the processors of these hosts have begun with. */
function begun(...hosts: readonly HostProcess[]): number {
  return hosts.flatMap(({ lines }) => lines).filter(({ msg }) => msg === 'order begun').length;
}

it('send and run move a message, and one that was in flight in a killed host is redelivered', async () => {
  await using rig = await createRig();
  const queue = rig.createQueue({ VisibilityTimeout: '1' });
  const [cwd, env] = [serviceDirectory(), envOf(rig, queue)];
  const sent = await runCli(['send', '{"id": 7}'], { cwd, env });
  expect(sent).toMatchObject({ code: 0 });
  const killed = startHost({ cwd, env: { ...env, MODE: 'hang' } });
  await killed.waitForLine('order begun');
  killed.signal('SIGKILL');
  await killed.exited;
  const next = startHost({ cwd, env });
  expect(await next.waitForLine('order done')).toMatchObject({ id: 7 });
  await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), { timeout: 10_000 });
  next.signal('SIGTERM');
  expect(await next.exited).toMatchObject({ code: 0 });
  expect(next.output()).not.toContain('hunter2');
});

it('check --connect warns if the redrive policy ends a message before its last attempt', async () => {
  await using rig = await createRig();
  const { arn } = rig.server.inspectQueue(rig.createQueue())!;
  const policy = JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: 4 });
  const queue = rig.createQueue({ RedrivePolicy: policy });
  const [cwd, env] = [serviceDirectory(), envOf(rig, queue)];
  const warned = await runCli(['check', '--connect'], { cwd, env });
  expect(warned).toMatchObject({ code: 0 });
  expect(warned.stdout).toContain('maxReceiveCount 4, below RETRY_MAX_ATTEMPTS 5');
  const fine = await runCli(['check', '--connect'], { cwd, env: { ...env, RETRY_MAX_ATTEMPTS: '4' } });
  expect(fine.stdout).not.toContain('maxReceiveCount');
});

describe('a processor that takes three visibility timeouts', () => {
  it('runs once, though another host waits for messages', async () => {
    await using rig = await createRig();
    const queue = rig.createQueue({ VisibilityTimeout: '1' });
    const [cwd, env] = [serviceDirectory(), { ...envOf(rig, queue), WORK_MS: '3300' }];
    const hosts = [startHost({ cwd, env }), startHost({ cwd, env })];
    for (const host of hosts) await host.waitForLine('consuming queue');
    rig.server.sendMessage(queue, '{"id": 1}');
    await vi.waitFor(() => expect(begun(...hosts)).toBe(1), patience);
    await vi.waitFor(() => expect(remaining(rig, queue)).toBe(0), patience);
    for (const host of hosts) host.signal('SIGTERM');
    for (const host of hosts) expect(await host.exited).toMatchObject({ code: 0 });
    expect(begun(...hosts)).toBe(1);
  });

  it('is finished by a host that drains, which renews its lease; waiting messages are left to the other host', async () => {
    await using rig = await createRig();
    const queue = rig.createQueue({ VisibilityTimeout: '1' });
    const [cwd, env] = [serviceDirectory(), { ...envOf(rig, queue), WORK_MS: '3300' }];
    const draining = startHost({ cwd, env });
    await draining.waitForLine('consuming queue');
    rig.server.sendMessage(queue, '{"id": 1}');
    await draining.waitForLine('order begun');
    draining.signal('SIGTERM');
    await draining.waitForLine('draining');
    const other = startHost({ cwd, env: { ...env, WORK_MS: '0' } });
    rig.server.sendMessage(queue, '{"id": 2}');
    expect(await other.waitForLine('order done')).toMatchObject({ id: 2 });
    expect(await draining.exited).toMatchObject({ code: 0 });
    expect(draining.lines.filter(({ msg }) => msg === 'order done')).toMatchObject([{ id: 1 }]);
    expect([begun(draining), begun(other), remaining(rig, queue)]).toEqual([1, 1, 0]);
  });
});

describe('the consume config', () => {
  it('with EXIT_WHEN_FINISHED ends the host with 0 once the queue is empty, retries included', async () => {
    await using rig = await createRig();
    const queue = rig.createQueue();
    const cwd = serviceDirectory();
    rig.fill(queue, 25);
    rig.server.sendMessage(queue, 'no JSON');
    rig.server.sendMessage(queue, '{"id": 25, "failOnce": true}');
    const file = path.join(cwd, 'consume.env');
    writeFileSync(file, 'EXIT_WHEN_FINISHED=1\nLISTEN_INTERVAL=1');
    const host = startHost({ cwd, env: { ...envOf(rig, queue), CONSUME_CONFIG_FILE_PATH: file } });
    expect(await host.exited).toEqual({ code: 0, signal: null });
    expect([begun(host), remaining(rig, queue), remaining(rig, `${queue}_dead`)]).toEqual([26, 0, 1]);
  });

  it('times polls and leases while the host runs, and a wrong value in it is reported and changes nothing else', async () => {
    await using rig = await createRig();
    const queue = rig.createQueue({ VisibilityTimeout: '77' });
    const polls: Record<string, unknown>[] = [];
    rig.proxy.rule = (action, body) => {
      if (action === 'ReceiveMessage') polls.push(body);
      return 'pass';
    };
    const cwd = serviceDirectory();
    const file = path.join(cwd, 'consume.env');
    writeFileSync(file, 'LISTEN_INTERVAL=1\nVISIBILITY_TIMEOUT=12');
    const env = {
      ...envOf(rig, queue),
      AWS_ENDPOINT_URL_SQS: rig.proxy.url,
      CONSUME_CONFIG_FILE_PATH: 'consume.env',
    };
    const host = startHost({ cwd, env });
    await vi.waitFor(() => expect(polls.length).toBeGreaterThan(0), patience);
    expect(polls[0]).toMatchObject({ WaitTimeSeconds: 1, VisibilityTimeout: 12 });
    // By a rename: the host must not see it half written.
    writeFileSync(`${file}.new`, 'LISTEN_INTERVAL=2\nVISIBILITY_TIMEOUT=a while');
    renameSync(`${file}.new`, file);
    expect(await host.waitForLine('consume config changed')).toMatchObject({
      queue,
      listenIntervalS: 2,
      visibilityTimeoutS: 77,
    });
    await host.waitForLine(
      `CONSUME_CONFIG_FILE_PATH ${file}: VISIBILITY_TIMEOUT: expected whole seconds from 1 to 43200; found "a while"`,
    );
    await vi.waitFor(
      () => expect(polls.at(-1)).toMatchObject({ WaitTimeSeconds: 2, VisibilityTimeout: 77 }),
      patience,
    );
  });
});

it('without credentials the host exits with 69, and the error names the variables to set', async () => {
  await using rig = await createRig();
  const cwd = serviceDirectory();
  const nowhere = path.join(cwd, 'none');
  const host = startHost({
    cwd,
    env: {
      ...envOf(rig, rig.createQueue()),
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
      AWS_CONFIG_FILE: nowhere,
      AWS_SHARED_CREDENTIALS_FILE: nowhere,
      // Else the SDK asks for the role of the machine.
      AWS_EC2_METADATA_DISABLED: 'true',
    },
  });
  expect(await host.exited).toEqual({ code: 69, signal: null });
  const { error } = await host.waitForLine('the service failed');
  const { message } = error as { message: string };
  for (const part of ['no AWS credentials', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'role', 'profile'])
    expect(message).toContain(part);
});

it('with a host name that does not exist it keeps trying, names the variables to check, and can be stopped', async () => {
  await using rig = await createRig();
  // So long a label is no host name: no name server is asked for its address.
  const endpoint = `http://${'x'.repeat(64)}.invalid`;
  const env = { ...envOf(rig, 'orders'), AWS_ENDPOINT_URL_SQS: endpoint };
  const host = startHost({ cwd: serviceDirectory(), env });
  const failed = () => host.lines.filter(({ msg }) => msg === 'cannot connect; trying again');
  await vi.waitFor(() => expect(failed().length).toBeGreaterThanOrEqual(2), patience);
  const { message } = failed()[1]!['error'] as { message: string };
  for (const part of ['no such host', 'AWS_REGION "eu-central-1"', 'AWS_ENDPOINT_URL_SQS'])
    expect(message).toContain(part);
  host.signal('SIGTERM');
  expect(await host.exited).toEqual({ code: 0, signal: null });
});
