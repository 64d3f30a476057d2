// Faults of NATS and the network, caused at a server of the test's own: after each of them every message is processed and
// the queue is empty.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { headers } from '@nats-io/transport-node';
import { DiscardPolicy, AckPolicy } from '@nats-io/jetstream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { BrokerRefusedError, NotConnectedError, UnroutableError } from '../../../src/errors.ts';
import type { ConsumeOptions, Delivery } from '../../../src/messaging/adapter.ts';
import type { BrokerEvent } from '../../../src/messaging/event.ts';
import { NatsConnection, type NatsOptions } from '../../../src/messaging/nats/connection.ts';
import { consumerName, copySubject, messageSubject, streamName } from '../../../src/messaging/nats/name.ts';
import { keepEvents, testContext } from '../../support/context.ts';
import { startOwnNats, type OwnNats } from '../../support/own-nats.ts';
import { freePort } from '../../support/port.ts';
import { startRelay, type Relay } from '../../support/tcp-relay.ts';
import {
  briefWork,
  faultPatience,
  sendMessages,
  sendSurely,
  startFaultHost,
  textOf,
  type FaultHost,
  type FaultHostOptions,
} from '../fault-host.ts';
import { browse, natsOptions, openClient } from './harness.ts';

let server: OwnNats;
let relay: Relay;
let queueNumber = 0;
let queue: string;

beforeAll(async () => {
  server = await startOwnNats();
  relay = await startRelay(server.port);
});

afterAll(async () => {
  await relay.close();
  await server.close();
});

beforeEach(() => {
  queue = `fault-${++queueNumber}`;
});

afterEach(async () => {
  relay.thaw();
  await relay.accept();
  server.resume();
  await server.start();
});

interface Host extends FaultHost<NatsConnection> {
  readonly events: readonly BrokerEvent[];
}

interface HostOptions extends Partial<NatsOptions>, Omit<FaultHostOptions, 'queue'> {}

async function startHost({ work, concurrency, ...overrides }: HostOptions = {}): Promise<Host> {
  const { emit, events } = keepEvents();
  const adapter = await openAdapter(overrides, emit);
  return { ...(await startFaultHost(adapter, { queue, work, concurrency })), events };
}

function consumeOptions(): ConsumeOptions {
  return { concurrency: 1, deadLetterQueueName: `${queue}_dead`, onFailure: () => undefined };
}

/** A connection through the relay, to a server that waits 2 s for acks. */
async function openAdapter(
  overrides: Partial<NatsOptions> = {},
  emit: (event: BrokerEvent) => void = () => undefined,
): Promise<NatsConnection> {
  const adapter = makeAdapter(overrides, emit);
  await adapter.connect();
  return adapter;
}

function makeAdapter(
  overrides: Partial<NatsOptions> = {},
  emit: (event: BrokerEvent) => void = () => undefined,
): NatsConnection {
  const options = natsOptions(server.url, {
    servers: [`127.0.0.1:${relay.port}`],
    ackWaitMs: 2_000,
    pingIntervalMs: 500,
    ...overrides,
  });
  const adapter = new NatsConnection(options, testContext({ connectionName: 'host@1', emit }));
  onTestFinished(() => adapter.close());
  return adapter;
}

async function openJsm() {
  const { nc, jsm } = await openClient(server.url);
  onTestFinished(() => nc.close());
  return { nc, jsm };
}

async function sendAll(adapter: NatsConnection, count: number, first = 0): Promise<void> {
  await sendMessages(adapter, queue, count, first);
}

async function expectAllDone(host: Host, count: number): Promise<void> {
  await vi.waitFor(() => expect(host.done.size).toBe(count), faultPatience);
  await expectEmpty(host.adapter);
  expect(host.failures).toEqual([]);
}

async function expectEmpty(adapter: NatsConnection): Promise<void> {
  await vi.waitFor(async () => expect(await adapter.countMessages(queue)).toBe(0), faultPatience);
  const { jsm } = await openJsm();
  await vi.waitFor(async () => expect(await browse(jsm, queue)).toEqual([]), faultPatience);
}

function kinds(events: readonly BrokerEvent[]): string[] {
  return events.map(({ kind }) => kind);
}

describe('every message is processed when', () => {
  it('the connection is cut, again and again', async () => {
    const host = await startHost();
    const sending = sendAll(host.adapter, 500);
    for (const share of [50, 150, 300]) {
      await vi.waitFor(() => expect(host.done.size).toBeGreaterThan(share), faultPatience);
      relay.reset();
    }
    await sending;
    await expectAllDone(host, 500);
    expect(kinds(host.events).filter((kind) => kind === 'broker-lost')).toHaveLength(3);
    expect(host.events).toContainEqual(
      expect.objectContaining({ kind: 'broker-connected', isReconnect: true }),
    );
    expect(host.events).toContainEqual(expect.objectContaining({ kind: 'consumer-lost', queue }));
  });

  it('the connection is cut in the middle of a line, at many places', async () => {
    const host = await startHost();
    let count = 0;
    for (const bytes of [701, 3001, 7001, 12_345, 20_011]) {
      const before = relay.accepted;
      relay.cutAfter(bytes);
      // Until the connection is cut.
      for (; relay.accepted === before; count += 100) await sendAll(host.adapter, 100, count);
    }
    await expectAllDone(host, count);
  });

  it('the network goes silent, and the connection stays open', async () => {
    const host = await startHost();
    const sending = sendAll(host.adapter, 300);
    await vi.waitFor(() => expect(host.done.size).toBeGreaterThan(50), faultPatience);
    const before = relay.accepted;
    relay.freeze();
    await vi.waitFor(() => expect(relay.accepted).toBeGreaterThan(before), faultPatience);
    relay.thaw();
    await sending;
    await expectAllDone(host, 300);
  });

  it('the server hangs', async () => {
    const host = await startHost();
    const sending = sendAll(host.adapter, 300);
    await vi.waitFor(() => expect(host.done.size).toBeGreaterThan(50), faultPatience);
    server.pause();
    await vi.waitFor(() => expect(kinds(host.events)).toContain('broker-lost'), faultPatience);
    server.resume();
    await sending;
    await expectAllDone(host, 300);
  });

  it('the server is killed and started again', async () => {
    const host = await startHost();
    const sending = sendAll(host.adapter, 300);
    await vi.waitFor(() => expect(host.done.size).toBeGreaterThan(50), faultPatience);
    await server.kill();
    await vi.waitFor(() => expect(kinds(host.events)).toContain('broker-connect-failed'), faultPatience);
    await server.start();
    await sending;
    await expectAllDone(host, 300);
  });

  it('the consumer is deleted', async () => {
    const host = await startHost();
    await sendAll(host.adapter, 50);
    await expectAllDone(host, 50);
    const { jsm } = await openJsm();
    const { created } = await jsm.streams.info(queue);
    await jsm.consumers.delete(queue, consumerName(created));
    await sendAll(host.adapter, 50, 50);
    await expectAllDone(host, 100);
  });

  it('the queue is deleted and created again while a delivery is in flight', async () => {
    const slow = Promise.withResolvers<undefined>();
    const host = await startHost({
      work: (delivery) => (textOf(delivery) === '1' ? slow.promise : briefWork()),
    });
    await sendAll(host.adapter, 2, 1);
    await vi.waitFor(() => expect(host.done).toContain('2'), faultPatience);
    const { jsm } = await openJsm();
    await jsm.streams.delete(queue);
    await vi.waitFor(() =>
      expect(host.events.filter(({ kind }) => kind === 'queue-created')).toHaveLength(2),
    );
    // Numbered like the messages of the deleted stream: the ack of an old one must not settle a new one.
    const held = host.deliveries.find((delivery) => textOf(delivery) === '1')!;
    slow.resolve(undefined);
    expect(await held.settle({ kind: 'done' })).toBe(false);
    expect(held.lost.aborted).toBe(true);
    await sendAll(host.adapter, 50, 100);
    await vi.waitFor(() => expect(host.done.size).toBe(52), faultPatience);
    await expectEmpty(host.adapter);
    expect(kinds(host.events)).toContain('lease-lost');
  });

  it(
    'more messages wait for a retry than the server allows in flight by default',
    { timeout: 120_000 },
    async () => {
      const first = new Set<string>();
      const adapter = await openAdapter();
      await adapter.ensureQueue(queue);
      await sendAll(adapter, 1_500);
      const consumer = await adapter.consumeMessages(
        queue,
        (delivery) => {
          const isLast = textOf(delivery) === 'last';
          first.add(textOf(delivery));
          void delivery.settle(
            isLast
              ? { kind: 'done' }
              : { kind: 'retry', delayMs: 3_600_000, error: { name: 'Error', message: 'later' } },
          );
        },
        { ...consumeOptions(), concurrency: 100 },
      );
      await vi.waitFor(() => expect(first.size).toBe(1_500), faultPatience);
      await vi.waitFor(async () => expect(await adapter.countMessages(queue)).toBe(1_500), faultPatience);
      await sendSurely(adapter, queue, 'last');
      await vi.waitFor(() => expect(first).toContain('last'), faultPatience);
      await consumer.stop();
      expect(await adapter.countMessages(queue)).toBe(1_500);
    },
  );
});

describe('a delivery', () => {
  it('is renewed for longer than the server waits for its ack', async () => {
    const gate = Promise.withResolvers<undefined>();
    const host = await startHost({ work: () => gate.promise, ackWaitMs: 500 });
    await sendAll(host.adapter, 1, 1);
    await vi.waitFor(() => expect(host.deliveries).toHaveLength(1), faultPatience);
    const { jsm } = await openJsm();
    const { created } = await jsm.streams.info(queue);
    const started = Date.now();
    await vi.waitUntil(() => Date.now() - started > 2_000, faultPatience);
    expect(await jsm.consumers.info(queue, consumerName(created))).toMatchObject({
      num_ack_pending: 1,
      num_redelivered: 0,
    });
    gate.resolve(undefined);
    await expectAllDone(host, 1);
    expect(host.deliveries).toHaveLength(1);
  });

  it('survives a short loss of the connection: its outcome is recorded afterwards', async () => {
    const gate = Promise.withResolvers<undefined>();
    const host = await startHost({ work: () => gate.promise, ackWaitMs: 30_000 });
    await sendAll(host.adapter, 1, 1);
    await vi.waitFor(() => expect(host.deliveries).toHaveLength(1), faultPatience);
    await relay.refuse();
    relay.reset();
    await vi.waitFor(() => expect(kinds(host.events)).toContain('broker-lost'), faultPatience);
    gate.resolve(undefined);
    await relay.accept();
    await expectAllDone(host, 1);
    expect(host.deliveries).toHaveLength(1);
    expect(host.deliveries[0]!.lost.aborted).toBe(false);
  });

  it('is lost when it could not be renewed in time, and counts as a crash for the next', async () => {
    const gate = Promise.withResolvers<undefined>();
    const host = await startHost({ work: () => gate.promise, concurrency: 1 });
    await sendAll(host.adapter, 1, 1);
    await vi.waitFor(() => expect(host.deliveries).toHaveLength(1), faultPatience);
    await relay.refuse();
    relay.reset();
    await vi.waitFor(() => expect(kinds(host.events)).toContain('lease-lost'), faultPatience);
    expect(host.deliveries[0]!.lost.aborted).toBe(true);
    expect(await host.deliveries[0]!.settle({ kind: 'done' })).toBe(false);
    gate.resolve(undefined);
    await relay.accept();
    await vi.waitFor(() => expect(host.deliveries).toHaveLength(2), faultPatience);
    expect(host.deliveries[1]).toMatchObject({ attempt: 1, crashes: 1, redelivered: true });
    await expectAllDone(host, 1);
  });

  it('never exceeds the concurrency, however earlier requests were filled', async () => {
    const gate = Promise.withResolvers<undefined>();
    const host = await startHost({
      work: (delivery) => (Number(textOf(delivery)) > 100 ? gate.promise : briefWork()),
      concurrency: 4,
    });
    for (const index of [1, 2, 3, 4, 6, 7]) {
      await sendAll(host.adapter, 1, index);
      await vi.waitFor(() => expect(host.done).toContain(String(index)), faultPatience);
    }
    await sendAll(host.adapter, 20, 101);
    await vi.waitFor(() => expect(host.deliveries.length).toBeGreaterThanOrEqual(10), faultPatience);
    // A round trip to the server: everything that it has sent has arrived.
    expect(await host.adapter.countMessages(queue)).toBe(16);
    expect(host.deliveries).toHaveLength(6 + 4);
    gate.resolve(undefined);
    await expectAllDone(host, 26);
  });

  it('that is requeued keeps its attempt, and does not count as a crash', async () => {
    const held: Delivery[] = [];
    const adapter = await openAdapter();
    const consumer = await adapter.consumeMessages(
      queue,
      (delivery) => {
        held.push(delivery);
        if (held.length < 4) void delivery.settle({ kind: 'requeue' });
        else void delivery.settle({ kind: 'done' });
      },
      consumeOptions(),
    );
    await sendSurely(adapter, queue, 'a');
    await vi.waitFor(() => expect(held).toHaveLength(4), faultPatience);
    expect(held.map(({ attempt, crashes, redelivered }) => [attempt, crashes, redelivered])).toEqual([
      [1, 0, false],
      [1, 0, true],
      [1, 0, true],
      [1, 0, true],
    ]);
    await consumer.stop();
  });
});

describe('a copy', () => {
  it('that the full dead-letter queue refuses stays in its queue until it fits', async () => {
    const { jsm } = await openJsm();
    const dead = streamName(`${queue}_dead`);
    const subjects = [messageSubject(`${queue}_dead`), copySubject(`${queue}_dead`)];
    await jsm.streams.add({ name: dead, subjects, max_msgs: 1, discard: DiscardPolicy.New });
    const { emit, events } = keepEvents();
    const adapter = await openAdapter({}, emit);
    await adapter.sendMessage(`${queue}_dead`, Buffer.from('"in the way"'));
    await adapter.consumeMessages(
      queue,
      (delivery) =>
        void delivery.settle({ kind: 'dead', reason: 'failed', error: { name: 'Error', message: 'no' } }),
      consumeOptions(),
    );
    await sendSurely(adapter, queue, '1');
    await vi.waitFor(() => expect(kinds(events)).toContain('copy-held'), faultPatience);
    expect(await browse(jsm, queue)).toHaveLength(1);
    await jsm.streams.purge(dead);
    await vi.waitFor(async () => expect(await browse(jsm, `${queue}_dead`)).toHaveLength(1), faultPatience);
    await expectEmpty(adapter);
  });

  it("of another client's message of the largest size leaves out its headers", async () => {
    const { nc, jsm } = await openJsm();
    const { emit, events } = keepEvents();
    const adapter = await openAdapter({}, emit);
    await adapter.ensureQueue(queue);
    const lines = headers();
    lines.set('tenant', 'a'.repeat(8_000));
    const body = new Uint8Array(1_048_576 - 8_100).fill(120);
    await nc.request(messageSubject(queue), body, { headers: lines, timeout: 5_000 });
    await adapter.consumeMessages(
      queue,
      (delivery) =>
        void delivery.settle({ kind: 'dead', reason: 'failed', error: { name: 'Error', message: 'no' } }),
      consumeOptions(),
    );
    const letters = await vi.waitFor(async () => {
      const found = await browse(jsm, `${queue}_dead`);
      expect(found).toHaveLength(1);
      return found;
    }, faultPatience);
    expect(letters[0]!.body.length).toBe(body.length);
    expect(letters[0]!.headers).toMatchObject({
      'svchost-headers-dropped': true,
      'svchost-reason': 'failed',
    });
    expect(kinds(events)).toContain('copy-reduced');
  });
});

describe('sending', () => {
  it('refuses a message that is too large, and keeps the connection', async () => {
    const { emit, events } = keepEvents();
    const adapter = await openAdapter({}, emit);
    await adapter.ensureQueue(queue);
    const sent = adapter.sendMessage(queue, new Uint8Array(1_048_576));
    await expect(sent).rejects.toThrow(/larger than NATS accepts.*max_payload/);
    await adapter.sendMessage(queue, Buffer.from('1'));
    expect(kinds(events)).not.toContain('broker-lost');
  });

  it('is refused by a full queue, which drops nothing', async () => {
    const { jsm } = await openJsm();
    const adapter = await openAdapter();
    await adapter.ensureQueue(queue);
    await jsm.streams.update(queue, { max_msgs: 2 });
    await sendAll(adapter, 2);
    await expect(adapter.sendMessage(queue, Buffer.from('3'))).rejects.toThrow(/maximum messages exceeded/);
    expect(await browse(jsm, queue)).toHaveLength(2);
  });

  it('fails at once while there is no connection', async () => {
    const { emit, events } = keepEvents();
    const adapter = await openAdapter({}, emit);
    await adapter.ensureQueue(queue);
    await relay.refuse();
    relay.reset();
    await vi.waitFor(() => expect(kinds(events)).toContain('broker-lost'), faultPatience);
    await expect(adapter.sendMessage(queue, Buffer.from('1'))).rejects.toMatchObject({ code: 'SEND_FAILED' });
  });

  it('to a queue that was deleted is unroutable', async () => {
    const { jsm } = await openJsm();
    const adapter = await openAdapter();
    await adapter.ensureQueue(queue);
    await jsm.streams.delete(queue);
    await expect(adapter.sendMessage(queue, Buffer.from('1'))).rejects.toBeInstanceOf(UnroutableError);
  });
});

describe('a drain', () => {
  it('of a frozen connection ends, and reports the deliveries that were not requeued', async () => {
    const never = new Promise<void>(() => undefined);
    const host = await startHost({ work: () => never, ackWaitMs: 60_000, pingIntervalMs: 60_000 });
    await sendAll(host.adapter, 3, 1);
    await vi.waitFor(() => expect(host.deliveries).toHaveLength(3), faultPatience);
    relay.freeze();
    await host.adapter.close();
    expect(host.events).toContainEqual(
      expect.objectContaining({ kind: 'requeue-failed', queue, deliveries: 3 }),
    );
  });
});

describe('the first connection', () => {
  it('is retried until the server runs', async () => {
    await relay.refuse();
    const { emit, events } = keepEvents();
    const connected = makeAdapter({}, emit).connect();
    await vi.waitFor(() => expect(kinds(events)).toContain('broker-connect-failed'), faultPatience);
    await relay.accept();
    await connected;
    expect(events.at(-1)).toMatchObject({ kind: 'broker-connected', isReconnect: false });
  });

  it('goes to the next of several servers', async () => {
    const adapter = await openAdapter({ servers: ['127.0.0.1:1', `127.0.0.1:${relay.port}`] });
    await adapter.ensureQueue(queue);
  });

  it('can be given up by closing', async () => {
    const adapter = makeAdapter({ servers: ['127.0.0.1:1'] });
    const connected = adapter.connect();
    connected.catch(() => undefined);
    await adapter.close();
    await expect(connected).rejects.toBeInstanceOf(NotConnectedError);
  });

  it('shows its name to the operators', async () => {
    const monitored = await freePort();
    await using own = await startOwnNats({ args: ['-m', String(monitored)] });
    await openAdapter({ servers: [`127.0.0.1:${own.port}`] });
    const shown = await fetch(`http://127.0.0.1:${monitored}/connz`);
    expect(await shown.text()).toContain('host@1');
  });
});

describe('NATS refuses the host for good', () => {
  it.for([
    ['a wrong password', { username: 'me', password: 'wrong' }],
    ['an unknown user', { username: 'nobody', password: 'secret' }],
    ['no credentials', {}],
    ['a wrong token', { token: 'wrong' }],
  ] as const)('with %s', async ([, overrides]) => {
    await using own = await startOwnNats({ login: { username: 'me', password: 'secret' } });
    const error: unknown = await makeAdapter({ servers: [`127.0.0.1:${own.port}`], ...overrides })
      .connect()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BrokerRefusedError);
    expect(error).toMatchObject({ exitCode: 69, message: expect.stringContaining('NATS_USER') as string });
    expect(String(error)).not.toContain('wrong');
  });

  it('if it has no JetStream, and names the remedy', async () => {
    await using own = await startOwnNats({ hasJetStream: false });
    const connected = makeAdapter({ servers: [`127.0.0.1:${own.port}`] }).connect();
    await expect(connected).rejects.toBeInstanceOf(BrokerRefusedError);
    await expect(connected).rejects.toThrow(/-js/);
  });

  it('if the credentials file is missing', async () => {
    const connected = makeAdapter({ credentialsPath: '/no/such.creds' }).connect();
    await expect(connected).rejects.toThrow(/NATS_CREDS cannot be read: ENOENT/);
  });

  it('for more replicas than there are servers, and names the queue', async () => {
    const adapter = await openAdapter({ replicas: 3 });
    const made = adapter.ensureQueue(queue);
    await expect(made).rejects.toBeInstanceOf(BrokerRefusedError);
    await expect(made).rejects.toThrow(queue);
  });

  it.for([
    ['to create the queue', 'publish', '$JS.API.STREAM.CREATE.>'],
    ['to pull from its consumer', 'publish', '$JS.API.CONSUMER.CREATE.>'],
    ['to receive answers', 'subscribe', '_INBOX.>'],
  ] as const)('without the right %s', async ([, direction, subject]) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'svchost-nats-rights-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const permissions = `{ ${direction}: { deny: [${JSON.stringify(subject)}] } }`;
    const config = path.join(folder, 'nats.conf');
    const users = [
      `{ user: admin, password: secret }`,
      `{ user: me, password: secret, permissions: ${permissions} }`,
    ];
    writeFileSync(config, `authorization { users: [${users.join(', ')}] }`);
    const login = { username: 'admin', password: 'secret', config };
    await using own = await startOwnNats({ login });
    const adapter = makeAdapter({ servers: [`127.0.0.1:${own.port}`], username: 'me', password: 'secret' });
    const consuming = adapter
      .connect()
      .then(() => adapter.consumeMessages(queue, () => undefined, consumeOptions()));
    await expect(consuming).rejects.toBeInstanceOf(BrokerRefusedError);
  });

  it('if the stream does not belong to a queue, or has another consumer', async () => {
    const { jsm } = await openJsm();
    const adapter = await openAdapter();
    await jsm.streams.add({ name: queue, subjects: [`other.${queue}`] });
    await expect(adapter.ensureQueue(queue)).rejects.toThrow(
      `add svchost.${queue} and svchost.${queue}.copy`,
    );
    const second = `${queue}-second`;
    await adapter.ensureQueue(second);
    await jsm.consumers.add(second, { durable_name: 'mine', ack_policy: AckPolicy.Explicit });
    const consuming = adapter.consumeMessages(second, () => undefined, consumeOptions());
    await expect(consuming).rejects.toBeInstanceOf(BrokerRefusedError);
    await expect(consuming).rejects.toThrow('another consumer');
  });
});
