// Faults of RabbitMQ and the network, caused at a broker of the test's own: after each of them every message is
// processed and the queue is empty.
import { connect, type RecoveringChannelModel } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { BrokerRefusedError } from '../../../src/errors.ts';
import type { AdapterContext } from '../../../src/messaging/adapter.ts';
import type { RabbitMqQueueType } from '../../../src/config/broker/rabbitmq.ts';
import { RabbitMqConnection, type RabbitMqOptions } from '../../../src/messaging/rabbitmq/connection.ts';
import { countReady, ensureQueue } from '../../../src/messaging/rabbitmq/queue.ts';
import { startOwnBroker, type OwnBroker } from '../../support/own-broker.ts';
import { keepEvents, testContext } from '../../support/context.ts';
import { startRelay, type Relay } from '../../support/tcp-relay.ts';
import {
  briefWork,
  faultPatience,
  sendMessages,
  startFaultHost,
  textOf,
  type FaultHost,
  type FaultHostOptions,
} from '../fault-host.ts';
import { brokerOptions, browse } from './harness.ts';

let broker: OwnBroker;
let relay: Relay;
let queueNumber = 0;
let queue: string;

beforeAll(async () => {
  broker = await startOwnBroker();
  // The broker looks for deliveries that are unsettled for too long only once a minute, which a test cannot wait for.
  await broker.ctl('eval', 'application:set_env(rabbit, channel_tick_interval, 200).');
  relay = await startRelay(broker.port);
});

afterAll(async () => {
  await relay.close();
  await broker.close();
});

beforeEach(() => {
  queue = `fault-${++queueNumber}`;
});

afterEach(async () => {
  relay.thaw();
  await relay.accept();
  await broker.resume();
  await broker.start();
});

interface HostOptions extends Omit<FaultHostOptions, 'queue'> {
  readonly queueType?: RabbitMqQueueType;
}

async function startHost({ queueType, ...options }: HostOptions = {}) {
  return await startFaultHost(await openAdapter({ queueType }), { queue, ...options });
}

/** A connection through the relay. */
async function openAdapter(overrides: Partial<RabbitMqOptions> = {}): Promise<RabbitMqConnection> {
  const adapter = makeAdapter(overrides);
  await adapter.connect();
  return adapter;
}

function makeAdapter(
  overrides: Partial<RabbitMqOptions> = {},
  context: Partial<AdapterContext> = {},
): RabbitMqConnection {
  const options = brokerOptions(broker.url, {
    hosts: [{ hostname: '127.0.0.1', port: relay.port }],
    heartbeatS: 1,
    ...overrides,
  });
  const adapter = new RabbitMqConnection(options, testContext({ connectionName: 'host@1', ...context }));
  onTestFinished(() => adapter.close());
  return adapter;
}

async function sendAll(adapter: RabbitMqConnection, count: number): Promise<void> {
  await sendMessages(adapter, queue, count);
}

async function expectAllDone(host: FaultHost<RabbitMqConnection>, count: number): Promise<void> {
  await vi.waitFor(() => expect(host.done.size).toBe(count), faultPatience);
  await expectEmpty(host.adapter);
  expect(host.failures).toEqual([]);
}

async function expectEmpty(adapter: RabbitMqConnection): Promise<void> {
  await vi.waitFor(async () => expect(await adapter.countMessages(queue, [50])).toBe(0), faultPatience);
  await vi.waitFor(async () => {
    const rows = await broker.ctl('-q', 'list_queues', 'name', 'messages_unacknowledged');
    expect(rows.split('\n').find((row) => row.startsWith(`${queue}\t`))).toBe(`${queue}\t0`);
  }, faultPatience);
}

/**
 * The broker writes the registration of a new queue to disk about a second later, and nothing reports when. If it is
 * killed before, it forgets the queue with everything that it has confirmed.
 */
async function registrationOnDisk(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 3000));
}

describe('every message is processed when', () => {
  it('the broker closes the connection (CONNECTION_FORCED), again and again', async () => {
    const host = await startHost();
    const sending = sendAll(host.adapter, 500);
    for (const share of [50, 150, 300]) {
      await vi.waitFor(() => expect(host.done.size).toBeGreaterThan(share), faultPatience);
      await broker.ctl('close_all_connections', 'maintenance');
    }
    await sending;
    await expectAllDone(host, 500);
  });

  it('the broker closes the channel with a 406, for a delivery that takes too long', async () => {
    await broker.ctl('eval', 'application:set_env(rabbit, consumer_timeout, 500).');
    onTestFinished(async () => {
      await broker.ctl('eval', 'application:set_env(rabbit, consumer_timeout, 1800000).');
    });
    const slow: PromiseWithResolvers<void> = Promise.withResolvers();
    const host = await startHost({
      work: (delivery) =>
        textOf(delivery) === '1' && host.deliveries.length < 4 ? slow.promise : briefWork(),
    });
    await sendAll(host.adapter, 20);
    // The slow one is redelivered: its channel was closed.
    await vi.waitFor(() => {
      expect(host.deliveries.filter((delivery) => textOf(delivery) === '1').length).toBeGreaterThan(1);
    }, faultPatience);
    await expectAllDone(host, 20);
    // Its first delivery is settled only now. On the new channel its tag would belong to another delivery, or be an
    // error.
    slow.resolve();
    await sendAll(host.adapter, 20);
    await expectEmpty(host.adapter);
  });

  it('the queue is deleted, and the consumer cancelled with it', async () => {
    const host = await startHost();
    await sendAll(host.adapter, 50);
    await expectAllDone(host, 50);
    await broker.ctl('delete_queue', queue);
    await sendAll(host.adapter, 100);
    await expectAllDone(host, 100);
  });

  it('the queue is deleted and created again while a delivery is in flight', async () => {
    const slow: PromiseWithResolvers<void> = Promise.withResolvers();
    const host = await startHost({
      work: (delivery) => (textOf(delivery) === '1' ? slow.promise : briefWork()),
    });
    await sendAll(host.adapter, 2);
    await vi.waitFor(() => expect(host.done).toContain('0'), faultPatience);
    await broker.ctl('delete_queue', queue);
    await sendAll(host.adapter, 50);
    slow.resolve();
    await expectAllDone(host, 50);
  });

  it('the wait queue is deleted after it was created', async () => {
    const host = await startHost();
    await sendAll(host.adapter, 10);
    await expectAllDone(host, 10);
    await broker.ctl('delete_queue', `${queue}_retry_50`);
    host.done.clear();
    await sendAll(host.adapter, 10);
    await expectAllDone(host, 10);
  });

  it.for(['classic', 'quorum'] as const)(
    'the broker is killed and started again while messages of a %s queue wait for a retry',
    { timeout: 120_000 },
    async (queueType) => {
      const host = await startHost({ queueType });
      await sendAll(host.adapter, 10);
      await expectAllDone(host, 10);
      await registrationOnDisk();
      host.done.clear();
      const sending = sendAll(host.adapter, 300);
      await vi.waitFor(() => expect(host.done.size).toBeGreaterThan(50), faultPatience);
      await broker.kill();
      await broker.start();
      await sending;
      await expectAllDone(host, 300);
    },
  );

  it('a broker knows no quorum queues that expire messages: they wait in a classic queue', async () => {
    const name = `${queue}_wait`;
    const form = { messageTtl: 50, arguments: { 'x-queue-type': 'unknown' } };
    const connection = await connect(broker.url);
    const isNew = await ensureQueue(connection as unknown as RecoveringChannelModel, name, [
      form,
      { messageTtl: 50 },
    ]);
    expect(isNew).toBe(true);
    expect(await countReady(connection as unknown as RecoveringChannelModel, name)).toBe(0);
    await connection.close();
  });

  it('the broker is shut down for maintenance and comes back', { timeout: 120_000 }, async () => {
    const host = await startHost();
    const sending = sendAll(host.adapter, 300);
    await vi.waitFor(() => expect(host.done.size).toBeGreaterThan(50), faultPatience);
    await broker.stop();
    await broker.start();
    await sending;
    await expectAllDone(host, 300);
  });

  it('the broker hangs for longer than two heartbeats', async () => {
    const host = await startHost();
    const sending = sendAll(host.adapter, 300);
    await vi.waitFor(() => expect(host.done.size).toBeGreaterThan(50), faultPatience);
    const before = relay.accepted;
    await broker.pause();
    await vi.waitFor(() => expect(relay.accepted).toBeGreaterThan(before), faultPatience);
    await broker.resume();
    await sending;
    await expectAllDone(host, 300);
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

  it('the connection is cut in the middle of a frame, at many places', async () => {
    const host = await startHost();
    let count = 0;
    for (const bytes of [701, 3001, 7001, 12_345, 20_011]) {
      const before = relay.accepted;
      relay.cutAfter(bytes);
      // Waits until enough bytes have flowed for the cut.
      for (; relay.accepted === before; count += 100) await sendMessages(host.adapter, queue, 100, count);
    }
    await expectAllDone(host, count);
  });

  it('the broker blocks publishers while retries are due', async () => {
    const host = await startHost();
    await sendAll(host.adapter, 1);
    await expectAllDone(host, 1);
    const sender = await openAdapter();
    await broker.ctl('set_vm_memory_high_watermark', 'absolute', '1');
    onTestFinished(async () => {
      await broker.ctl('set_vm_memory_high_watermark', '0.4');
    });
    const sending = sendAll(sender, 20);
    await vi.waitFor(async () => {
      expect(await broker.ctl('-q', 'list_connections', 'state')).toMatch(/block/);
    }, faultPatience);
    await broker.ctl('set_vm_memory_high_watermark', '0.4');
    await sending;
    host.done.clear();
    await sendAll(sender, 20);
    await expectAllDone(host, 20);
  });
});

describe('the first connection', () => {
  it('is attempted until the broker is there', async () => {
    await relay.refuse();
    const adapter = makeAdapter();
    const connected = adapter.connect();
    await expect(
      Promise.race([connected, new Promise((resolve) => setTimeout(resolve, 700, 'waiting'))]),
    ).resolves.toBe('waiting');
    await relay.accept();
    await connected;
    await adapter.ensureQueue(queue);
  });

  it('moves on to the next of several hosts', async () => {
    const adapter = makeAdapter({
      hosts: [
        { hostname: '127.0.0.1', port: 1 },
        { hostname: '127.0.0.1', port: relay.port },
      ],
    });
    await adapter.connect();
    await adapter.ensureQueue(queue);
  });

  it('is abandoned on close', async () => {
    await relay.refuse();
    const adapter = makeAdapter();
    const connected = adapter.connect();
    connected.catch(() => undefined);
    await adapter.close();
    await expect(connected).rejects.toThrow();
  });

  it.for([
    ['a wrong password', { password: 'wrong' }, 'RABBITMQ_PASSWORD'],
    ['an unknown user', { username: 'nobody' }, 'RABBITMQ_USER'],
    ['an unknown virtual host', { virtualHost: 'no such/host' }, 'RABBITMQ_VIRTUAL_HOST'],
  ] as const)('is refused for good with %s', async ([, overrides, variable]) => {
    const error: unknown = await makeAdapter(overrides)
      .connect()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BrokerRefusedError);
    expect(error).toMatchObject({ exitCode: 69, message: expect.stringContaining(variable) as string });
    expect(String(error)).not.toContain('wrong');
  });

  it("is refused for good if the user has no access to the virtual host, in the broker's own words", async () => {
    await broker.ctl('add_user', 'stranger', 'secret');
    const connected = makeAdapter({ username: 'stranger', password: 'secret' }).connect();
    await expect(connected).rejects.toThrow("access to vhost '/' refused for user 'stranger'");
  });

  it('goes on while the virtual host is down, and says so, until it is up again', async () => {
    await broker.ctl('add_vhost', 'shop');
    await broker.ctl('set_permissions', '-p', 'shop', 'guest', '.*', '.*', '.*');
    await broker.ctl('eval', 'rabbit_vhost_sup_sup:delete_on_all_nodes(<<"shop">>).');
    const { emit, events } = keepEvents();
    const connected = makeAdapter({ virtualHost: 'shop' }, { emit }).connect();
    await vi.waitFor(() => {
      const reasons = events.map((event) => ('error' in event ? event.error.message : ''));
      expect(reasons.filter((reason) => reason.includes("vhost 'shop' is down")).length).toBeGreaterThan(2);
    }, faultPatience);
    await broker.ctl('restart_vhost', '-p', 'shop');
    await connected;
  });

  it('goes on for a while if it is refused, since the user may be about to be created', async () => {
    const { emit, events } = keepEvents();
    const late = { username: 'late', password: 'secret', virtualHost: 'late' };
    const connected = makeAdapter(late, { emit, refusalPatienceMs: 20_000 }).connect();
    const reasons = () => events.map((event) => ('error' in event ? event.error.message : '')).join('\n');
    await vi.waitFor(() => expect(reasons()).toContain('refused the credentials'), faultPatience);
    await broker.ctl('add_user', 'late', 'secret');
    await vi.waitFor(() => expect(reasons()).toContain('vhost late not found'), faultPatience);
    await broker.ctl('add_vhost', 'late');
    await vi.waitFor(() => expect(reasons()).toContain("access to vhost 'late' refused"), faultPatience);
    await broker.ctl('set_permissions', '-p', 'late', 'late', '.*', '.*', '.*');
    await connected;
  });

  it('ends after that while, if it is still refused', async () => {
    const connected = makeAdapter({ password: 'wrong' }, { refusalPatienceMs: 500 }).connect();
    const startedAt = performance.now();
    await expect(connected).rejects.toBeInstanceOf(BrokerRefusedError);
    expect(performance.now() - startedAt).toBeGreaterThan(400);
  });

  it('accepts names and passwords with any characters', async () => {
    const [user, password, virtualHost] = ['ü@:/user', 'p#a%2Fss@: wörd', 'v%2Fhost/ü'];
    await broker.ctl('add_vhost', virtualHost);
    await broker.ctl('add_user', user, password);
    await broker.ctl('set_permissions', '-p', virtualHost, user, '.*', '.*', '.*');
    const adapter = await openAdapter({ username: user, password, virtualHost });
    await adapter.ensureQueue(queue);
    expect(await broker.ctl('-q', 'list_queues', '-p', virtualHost, 'name')).toContain(queue);
  });

  it("shows its name to the broker's operators", async () => {
    await openAdapter();
    expect(await broker.ctl('-q', 'list_connections', 'client_properties')).toContain('host@1');
  });
});

describe('missing rights', () => {
  const user = 'reader';

  async function openAs(configure: string, write: string, read: string): Promise<RabbitMqConnection> {
    await broker.ctl('set_permissions', user, configure, write, read);
    return openAdapter({ username: user, password: 'secret' });
  }

  beforeAll(async () => {
    await broker.ctl('add_user', user, 'secret');
  });

  const options = {
    concurrency: 1,
    deadLetterQueueName: 'fault-dead',
    onFailure: () => undefined,
  };

  it('to create the queue end the service, and the error names the queue', async () => {
    const adapter = await openAs('', '.*', '.*');
    const consuming = adapter.consumeMessages(queue, () => undefined, options);
    await expect(consuming).rejects.toThrow(BrokerRefusedError);
    await expect(consuming).rejects.toThrow(queue);
  });

  it('to read the queue end the service', async () => {
    const adapter = await openAs('.*', '.*', '');
    await expect(adapter.consumeMessages(queue, () => undefined, options)).rejects.toThrow(
      BrokerRefusedError,
    );
  });

  it('to create the dead-letter queue end the service, and the message is not lost', async () => {
    const adapter = await openAs(`^${queue}$`, '.*', '.*');
    const refusals: unknown[] = [];
    await adapter.consumeMessages(
      queue,
      (delivery) => {
        delivery
          .settle({ kind: 'dead', reason: 'failed', error: { name: 'Error', message: 'no' } })
          .catch((error: unknown) => refusals.push(error));
      },
      { ...options, deadLetterQueueName: `${queue}_dead` },
    );
    await adapter.sendMessage(queue, Buffer.from('1'));
    await vi.waitFor(() => expect(refusals).toHaveLength(1), faultPatience);
    expect(refusals[0]).toBeInstanceOf(BrokerRefusedError);
    expect(String(refusals[0])).toContain(`${queue}_dead`);
    await adapter.close();
    await vi.waitFor(async () => expect(await browse(broker.url, queue)).toHaveLength(1), faultPatience);
  });
});

describe('the rights that a service needs', () => {
  const user = 'inspector';
  const needs = { maxAttempts: 3, retryDelaysMs: [50] };

  /** What `check --connect` finds. */
  async function inspectAs(configure: string, write: string, read: string): Promise<string> {
    await broker.ctl('set_permissions', user, configure, write, read);
    const adapter = await openAdapter({ username: user, password: 'secret' });
    return await adapter.inspectQueue(queue, { ...needs, deadLetterQueueName: `${queue}_dead` }).then(
      (limits) => limits.join(),
      (error: unknown) => String(error),
    );
  }

  beforeAll(async () => {
    await broker.ctl('add_user', user, 'secret');
  });

  it('are tried, and leave no trace', async () => {
    expect(await inspectAs('.*', '.*', '.*')).toBe('');
    expect(await broker.ctl('-q', 'list_queues', 'name')).not.toContain(queue);
  });

  it.for<[string, [string, string, string], string]>([
    ['to read the queue', ['.*', '.*', '^$'], 'read on "fault-'],
    [
      'to publish to the default exchange',
      ['.*', '^fault', '.*'],
      'write on the default exchange ("amq.default")',
    ],
    ['to create the dead-letter queue', ['^fault-\\d+$', '.*', '.*'], '_dead"'],
    ['to create the wait queue', ['^fault-\\d+(_dead)?$', '.*', '.*'], '_retry_50"'],
  ])("are named if one is missing: %s; with the broker's own sentence", async ([, permissions, right]) => {
    const control = await openAdapter();
    await control.ensureQueue(queue);
    const found = await inspectAs(...permissions);
    expect(found).toContain(right);
    expect(found).toContain(`ACCESS_REFUSED`);
  });

  it('do not include that to create a queue that exists', async () => {
    const control = await openAdapter();
    for (const name of [queue, `${queue}_dead`, `${queue}_retry_50`]) await control.ensureQueue(name);
    expect(await inspectAs('_crash_', '.*', '.*')).toBe('');
  });
});

describe('a queue that exists', () => {
  it('is consumed as it is, whatever its arguments', async () => {
    const control = await connect(broker.url);
    onTestFinished(() => control.close());
    const channel = await control.createChannel();
    await channel.assertQueue(queue, { durable: true, maxLength: 1000, messageTtl: 600_000, maxPriority: 3 });
    const host = await startHost();
    await sendAll(host.adapter, 20);
    await expectAllDone(host, 20);
  });
});
