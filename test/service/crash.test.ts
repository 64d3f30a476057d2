// Hosts that do not end in order: uncaught errors, kill -9, processors that exit or block the event loop.
import { describe, expect, it, vi } from 'vitest';
import { exitCode } from '../../src/errors.ts';
import { header } from '../../src/messaging/dead-letter.ts';
import type { HostProcess } from '../support/host-process.ts';
import { expireLeases } from '../messaging/sqlite/file.ts';
import { deadLetters, expectEmpty, json, patience, rabbitMqBroker, sqliteBroker } from './broker.ts';
import { host } from './hosted.ts';
import { begun, linesOf, makeService, ordersOf } from './service-directory.ts';

const rabbitMq = rabbitMqBroker();
const quorum = rabbitMqBroker({ queueType: 'quorum' });
const sqlite = sqliteBroker();

describe.for([rabbitMq, sqlite])('an uncaught error, on $name,', (broker) => {
  it.for([
    ['thrown from a timer', { act: 'throw in a timer' }, 'thrown in a timer'],
    ['from a promise that nobody awaits', { act: 'reject unseen' }, 'rejected unseen'],
  ] as const)(
    '%s ends the host with 1; its message counts as failed until it is dead-lettered, others are requeued',
    async ([, culprit, message]) => {
      const service = await makeService(broker);
      await service.put({ act: 'hang', id: 'bystander' }, { ...culprit, id: 'culprit' });
      for (let attempt = 1; attempt <= 2; attempt++) {
        const host = service.start({ CONCURRENCY: '2', RETRY_MAX_ATTEMPTS: '2' });
        expect(await host.exited).toEqual({ code: 1, signal: null });
        expect(ordersOf(host, 'begun').sort()).toEqual(['bystander', 'culprit']);
        expect(linesOf(host, 'uncaught error; ending at once')).toMatchObject([{ error: { message } }]);
        expect(linesOf(host, 'stop done')).toHaveLength(1);
        await vi.waitFor(async () => expect(await broker.count(service.queue)).toBe(3 - attempt), patience);
      }
      const [letter] = await deadLetters(broker, service.queue, 1);
      expect(JSON.parse(Buffer.from(letter!.body).toString())).toMatchObject({ id: 'culprit' });
      expect(letter!.headers).toMatchObject({
        [header.reason]: 'crashed',
        [header.error]: `CrashError: uncaught Error: ${message}`,
        [header.attempts]: 2,
      });
      const [bystander] = await broker.browse(service.queue);
      expect(JSON.parse(Buffer.from(bystander!.body).toString())).toMatchObject({ id: 'bystander' });
      expect(bystander!.headers).toEqual({});
    },
  );
});

describe('an uncaught error', () => {
  it('from a listener of the signal, at the time limit, is attributed to the message', async () => {
    const service = await makeService(sqlite);
    await service.put({ act: 'throw on abort', id: 'culprit' });
    const host = service.start({ PROCESS_TIMEOUT: '0.05', RETRY_MAX_ATTEMPTS: '1' });
    expect(await host.exited).toEqual({ code: 1, signal: null });
    const [letter] = await deadLetters(sqlite, service.queue, 1);
    expect(letter!.headers).toMatchObject({ [header.reason]: 'crashed' });
  });

  it('during a drain is logged, requeues the rest at once, and ends the host with 1', async () => {
    const service = await makeService(rabbitMq);
    const gate = service.gate();
    await service.put({ act: 'hang', id: 'bystander' }, { act: 'wait and throw', id: 'culprit', gate });
    const host = await service.startConsuming({ CONCURRENCY: '2', RETRY_MAX_ATTEMPTS: '1' });
    await begun(host, 'culprit');
    await begun(host, 'bystander');
    host.signal('SIGTERM');
    await host.waitForLine('draining');
    const openedAt = Date.now();
    await service.open(gate);
    expect(await host.exited).toEqual({ code: 1, signal: null });
    expect(Date.now() - openedAt).toBeLessThan(5000);
    expect(linesOf(host, 'uncaught error; ending at once')).toHaveLength(1);
    const [letter] = await deadLetters(rabbitMq, service.queue, 1);
    expect(JSON.parse(Buffer.from(letter!.body).toString())).toMatchObject({ id: 'culprit' });
    await vi.waitFor(async () => expect(await rabbitMq.count(service.queue)).toBe(1), patience);
  });

  it('that belongs to no message ends the host with 1, and all messages are requeued', async () => {
    const service = await makeService(rabbitMq);
    await service.put({ act: 'hang', id: '1' });
    const host = service.start({ START: 'crash' });
    expect(await host.exited).toEqual({ code: 1, signal: null });
    expect(linesOf(host, 'uncaught error; ending at once')).toMatchObject([
      { error: { message: 'start left a timer' } },
    ]);
    await vi.waitFor(async () => expect(await rabbitMq.browse(service.queue)).toHaveLength(1), patience);
    expect(await rabbitMq.browse(`${service.queue}_dead`)).toEqual([]);
  });
});

describe('a host that dies without a word', () => {
  it.for([
    ['killed with -9', rabbitMq],
    ['killed with -9', sqlite],
    ['whose processor called process.exit', rabbitMq],
    ['whose processor called process.exit', sqlite],
  ] as const)('%s, loses no message: the next host gets it', async ([how, broker]) => {
    const service = await makeService(broker);
    const act = how.includes('process.exit') ? 'exit' : 'hang';
    await service.put({ act: 'fail once', id: '1' });
    const killed = await service.startConsuming({ RETRY_INITIAL_DELAY: '60' });
    await vi.waitFor(async () => expect(await broker.count(service.queue)).toBe(1), patience);
    await service.put({ act, id: '2' }, { act: 'note', id: '3' });
    await begun(killed, '2');
    if (act === 'hang') killed.signal('SIGKILL');
    expect(await killed.exited).toEqual(
      act === 'hang' ? { code: null, signal: 'SIGKILL' } : { code: 1, signal: null },
    );
    // Half a minute passes.
    if (broker === sqlite) expireLeases(sqlite.env()['SQLITE_PATH']!);
    const next = await host(broker.adapter(), service.queue, () => undefined);
    await next.settled(2);
    await next.stop();
    expect(next.calls.map(({ message }) => (message as { id: string }).id)).toEqual(['2', '3']);
    expect(next.calls.map(({ context }) => context.attempt)).toEqual([1, 1]);
    // The first still waits for its retry.
    expect(await broker.count(service.queue)).toBe(1);
  });

  it('because of a poison message gets it only CRASH_MAX_DELIVERIES times, whatever the broker counts', async () => {
    for (const broker of [rabbitMq, quorum, sqlite]) {
      const service = await makeService(broker);
      const env = broker === quorum ? { RABBITMQ_QUEUE_TYPE: 'quorum' } : {};
      await service.put({ act: 'exit', id: 'poison' }, { act: 'note', id: 'good' });
      const hosts: HostProcess[] = [];
      for (let exits = 0; exits < 2; exits++) {
        const host = service.start({ CRASH_MAX_DELIVERIES: '2', ...env });
        expect(await host.exited).toEqual({ code: 1, signal: null });
        if (broker === sqlite) expireLeases(sqlite.env()['SQLITE_PATH']!);
        hosts.push(host);
      }
      expect(hosts.flatMap((host) => ordersOf(host, 'begun'))).toEqual(['poison', 'poison']);
      const last = await service.startConsuming({ CRASH_MAX_DELIVERIES: '2', ...env });
      await last.waitForLine('finished');
      expect(ordersOf(last, 'begun')).toEqual(['good']);
      const [letter] = await deadLetters(broker, service.queue, 1);
      expect(letter!.headers).toMatchObject({
        [header.reason]: 'crashed',
        [header.error]: expect.stringContaining('died, or lost its connection, 2 times') as string,
      });
      last.signal('SIGTERM');
      expect(await last.exited).toEqual({ code: 0, signal: null });
      await expectEmpty(broker, service.queue);
    }
  });
});

describe.for([rabbitMq, quorum, sqlite])('after a death, on $name,', (broker) => {
  const env = broker === quorum ? { RABBITMQ_QUEUE_TYPE: 'quorum' } : {};

  it('messages that were in flight run alone, and only the guilty one becomes a dead letter', async () => {
    const service = await makeService(broker);
    const ids = ['1', '2', '3', '4', '5', '6'];
    await service.put(...ids.map((id) => ({ act: 'slow', id }) as const), { act: 'exit', id: 'poison' });
    const begunWithPoison: unknown[][] = [];
    const finished: unknown[] = [];
    for (let deaths = 0; deaths < 4; deaths++) {
      const host = service.start({ CONCURRENCY: '7', ...env });
      expect(await host.exited).toEqual({ code: 1, signal: null });
      if (broker === sqlite) expireLeases(sqlite.env()['SQLITE_PATH']!);
      begunWithPoison.push(ordersOf(host, 'begun'));
      finished.push(...ordersOf(host, 'finished'));
    }
    const last = await service.startConsuming({ CONCURRENCY: '7', ...env });
    const [letter] = await deadLetters(broker, service.queue, 1);
    expect(JSON.parse(Buffer.from(letter!.body).toString())).toMatchObject({ id: 'poison' });
    expect(letter!.headers).toMatchObject({ [header.reason]: 'crashed' });
    await vi.waitUntil(
      () => new Set([...finished, ...ordersOf(last, 'finished')]).size === ids.length,
      patience,
    );
    last.signal('SIGTERM');
    expect(await last.exited).toEqual({ code: 0, signal: null });
    await expectEmpty(broker, service.queue);
    // All together at first; then one after the other, and in the end the poison only.
    expect(begunWithPoison.map((begun) => begun.length)).toEqual([7, 7, 1, 1]);
    expect(begunWithPoison[1]).toEqual([...ids, 'poison']);
    expect(finished).toEqual(ids);
  });

  it('which the operator caused, again and again, no message becomes a dead letter', async () => {
    const service = await makeService(broker);
    const ids = Array.from({ length: 12 }, (_, index) => String(index));
    await service.put(...ids.map((id) => ({ act: 'slow', id }) as const));
    for (let kills = 0; kills < 4; kills++) {
      const host = await service.startConsuming({ CONCURRENCY: '4', CRASH_MAX_DELIVERIES: '2', ...env });
      await host.waitForLine('begun');
      // Each host ends at least one message, so that none is killed alone twice.
      if (kills > 0) await vi.waitUntil(() => ordersOf(host, 'finished').length >= 2, patience);
      host.signal('SIGKILL');
      await host.exited;
      if (broker === sqlite) expireLeases(sqlite.env()['SQLITE_PATH']!);
    }
    const last = await service.startConsuming({ CONCURRENCY: '4', ...env });
    await vi.waitFor(() => expectEmpty(broker, service.queue), patience);
    last.signal('SIGTERM');
    expect(await last.exited).toEqual({ code: 0, signal: null });
    expect(await broker.browse(`${service.queue}_dead`)).toEqual([]);
  });
});

describe('a processor that blocks the event loop', () => {
  it('for longer than the heartbeat of the broker, loses the connection and no message', async () => {
    const service = await makeService(rabbitMq);
    await service.put({ act: 'block once', id: '1', ms: 4000 }, { act: 'note', id: '2' });
    const host = await service.startConsuming({ RABBITMQ_HEARTBEAT: '1' });
    await host.waitForLine((line) => line['msg'] === 'finished' && line['order'] === '2');
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
    // At least once: the outcome of the first delivery could not be recorded any more.
    expect(new Set(ordersOf(host, 'finished'))).toEqual(new Set(['1', '2']));
    await expectEmpty(rabbitMq, service.queue);
    expect(await rabbitMq.browse(`${service.queue}_dead`)).toEqual([]);
  });

  it('on SQLite keeps its message', async () => {
    const service = await makeService(sqlite);
    await service.put({ act: 'block once', id: '1', ms: 1000 }, { act: 'note', id: '2' });
    const host = await service.startConsuming();
    await host.waitForLine((line) => line['msg'] === 'finished' && line['order'] === '2');
    host.signal('SIGTERM');
    expect(await host.exited).toEqual({ code: 0, signal: null });
    expect(ordersOf(host, 'finished')).toEqual(['1', '2']);
    await expectEmpty(sqlite, service.queue);
  });
});

describe('the log', () => {
  const marker = 'marker-4711';

  it('contains no secret and no content of a message at info or above, whatever its outcome', async () => {
    const service = await makeService(rabbitMq);
    const secret = { RABBITMQ_PASSWORD: `password-${marker}`, RABBITMQ_USER: 'someone' };
    await service.put(
      { act: 'note', id: 'fine', gate: `note-${marker}` },
      { act: 'fail once', id: 'again', gate: `retry-${marker}` },
    );
    await rabbitMq.put(service.queue, Buffer.from(`{"act": "${marker}" not JSON`));
    await rabbitMq.put(service.queue, Buffer.from(`["${marker}", "\xff"]`, 'latin1'));
    await rabbitMq.put(service.queue, json({ act: 'note', id: 'headers' }), { token: `header-${marker}` });
    const host = await service.startConsuming(secret);
    await host.waitForLine((line) => line['msg'] === 'finished' && line['order'] === 'again');
    await deadLetters(rabbitMq, service.queue, 2);
    await host.waitForLine((line) => line['msg'] === 'finished' && line['order'] === 'headers');
    host.signal('SIGTERM');
    await host.exited;
    expect(host.output()).not.toContain(marker);
  });

  it('contains no password when the broker refuses it, and the host ends with 69', async () => {
    const service = await makeService(rabbitMq);
    const url = new URL(rabbitMq.env()['RABBITMQ_URL']!);
    url.username = 'nobody';
    url.password = marker;
    const host = service.start({ RABBITMQ_URL: url.href });
    expect(await host.exited).toEqual({ code: exitCode.brokerRefused, signal: null });
    expect(host.output()).not.toContain(marker);
    expect(host.lines.some(({ level }) => level === 60)).toBe(true);
  });
});
