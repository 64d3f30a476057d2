// Nobody waits in silence: after a second, standard error says what is waited for.
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { runCli, startHost } from '../support/host-process.ts';
import { startOwnBroker, type OwnBroker } from '../support/own-broker.ts';
import { announce } from '../../src/waiting.ts';
import { createService } from './service.ts';

const patience = { timeout: 20_000, interval: 20 };

describe('an announcement', () => {
  it('comes after 1 s, then after twice the time, up to a minute; the reason may change', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const lines: string[] = [];
    let reason = 'the broker';
    const end = announce(
      () => reason,
      (line) => lines.push(line),
    );
    vi.advanceTimersByTime(999);
    expect(lines).toEqual([]);
    vi.advanceTimersByTime(1);
    reason = 'the broker: \u001b[2J';
    vi.advanceTimersByTime(6_000);
    expect(lines).toEqual([
      'svchost: waiting for the broker (1 s)',
      'svchost: waiting for the broker: \\u001b[2J (3 s)',
      'svchost: waiting for the broker: \\u001b[2J (7 s)',
    ]);
    vi.advanceTimersByTime(600_000);
    const count = lines.length;
    vi.advanceTimersByTime(60_000);
    expect(lines.length).toBe(count + 1);
    end();
    vi.advanceTimersByTime(600_000);
    expect(lines.length).toBe(count + 1);
  });
});

/** A service whose process waits, until standard error says for what. */
async function expectAnnounced(cwd: string, env: Record<string, string>, text: string): Promise<void> {
  const host = startHost({ cwd, env });
  await vi.waitUntil(() => host.output().includes(text), patience);
}

describe('run announces', () => {
  it('a module that does not come back', async () => {
    const code = `await new Promise((resolve) => setTimeout(resolve, 60_000));
      export class MailServiceProcessor { process() {} }`;
    await expectAnnounced(
      createService({ 'processor.ts': code }),
      {},
      'waiting for the processor to be loaded (1 s)',
    );
  });

  it('a start() that does not come back', async () => {
    const code = `export class MailServiceProcessor {
      start() { return new Promise((resolve) => setTimeout(resolve, 60_000)); }
      process() {}
    }`;
    await expectAnnounced(
      createService({ 'processor.ts': code }),
      {},
      "waiting for the processor's start() (1 s)",
    );
  });

  it('messages in flight during a drain', async () => {
    const code = `export class MailServiceProcessor {
      process() { return new Promise((resolve) => setTimeout(resolve, 60_000)); }
    }`;
    const cwd = createService({ 'processor.ts': code });
    await runCli(['send', '1'], { cwd });
    const host = startHost({ cwd, env: { SHUTDOWN_TIMEOUT: '5' } });
    await host.waitForLine('consuming queue');
    await new Promise((resolve) => setTimeout(resolve, 300));
    host.signal('SIGTERM');
    await vi.waitUntil(() => host.output().includes('waiting for 1 in flight to end (1 s)'), patience);
  });
});

describe('a broker that accepts connections and does not answer', () => {
  let server: Server;
  const env = () => ({
    MESSAGING_TYPE: 'RabbitMqConnection',
    RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:${(server.address() as AddressInfo).port}`,
  });

  beforeAll(async () => {
    server = createServer(() => undefined);
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });

  afterAll(() => void server.close());

  it.concurrent.for(['send 1', 'check --connect'])('is announced by %s', async (command, { expect }) => {
    const { stderr } = await runCli(command.split(' '), { cwd: createService(), env: env() });
    expect(stderr).toMatch(/waiting for amqp:\/\/guest:\*\*\*@127\.0\.0\.1:\d+\/%2F to answer \(1 s\)/);
    expect(stderr).toMatch(/\(3 s\)/);
  });

  it('is announced by run', async () => {
    await expectAnnounced(createService(), env(), 'waiting for the broker at amqp://guest:***@127.0.0.1');
  });
});

describe('a broker with an alarm', () => {
  let broker: OwnBroker;

  beforeAll(async () => {
    broker = await startOwnBroker();
  });

  afterAll(() => broker.close());

  it('is announced by send, which ends once the alarm is over', async () => {
    await broker.ctl('set_vm_memory_high_watermark', '0');
    const cwd = createService();
    const env = { MESSAGING_TYPE: 'RabbitMqConnection', RABBITMQ_URL: broker.url };
    const sending = startHost({ cwd, env, args: ['send', '1'] });
    await vi.waitUntil(() => sending.output().includes('accepts no messages for now'), patience);
    expect(sending.output()).toContain('waiting for amqp://');
    await broker.ctl('set_vm_memory_high_watermark', '0.4');
    expect(await sending.exited).toEqual({ code: 0, signal: null });
  });
});

it('a database that another process has locked is announced by send', async () => {
  const cwd = createService();
  await runCli(['send', '1'], { cwd });
  const other = new DatabaseSync(path.join(cwd, '.svchost/queue.db'));
  other.exec('BEGIN EXCLUSIVE');
  const sending = startHost({ cwd, args: ['send', '2'] });
  await vi.waitUntil(() => sending.output().includes('waiting for sqlite:'), patience);
  other.exec('ROLLBACK');
  other.close();
  expect(await sending.exited).toEqual({ code: 0, signal: null });
});
