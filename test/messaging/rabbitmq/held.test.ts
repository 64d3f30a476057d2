// A copy that RabbitMQ refuses: it is one message's matter. The queue, its other messages, and the copies that were sent
// at the same time go on. At a broker of the test's own, whose limits the tests change.
import { connect, type ChannelModel } from 'amqplib';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { DeadLetterError, MessageRefusedError } from '../../../src/errors.ts';
import { RabbitMqConnection, type RabbitMqOptions } from '../../../src/messaging/rabbitmq/connection.ts';
import { host, type Hosted } from '../../service/hosted.ts';
import { keepEvents, testContext } from '../../support/context.ts';
import { startOwnBroker, type OwnBroker } from '../../support/own-broker.ts';
import { brokerOptions, browse } from './harness.ts';

/** Longer than the pauses of a held message, which double while a test is slow. */
const patience = { timeout: 50_000, interval: 20 };
const kilobyte = 1024;

let broker: OwnBroker;
let control: ChannelModel;
let queue: string;
let number = 0;

beforeAll(async () => {
  broker = await startOwnBroker();
  control = await connect(broker.url);
});

afterAll(async () => {
  await control.close();
  await broker.close();
});

beforeEach(async () => {
  queue = `held-${++number}`;
  const channel = await control.createChannel();
  await channel.assertQueue(queue);
  await channel.close();
});

/** Sets a limit of the broker, in bytes, until the test has finished. */
async function limit(name: 'max_message_size' | 'frame_max', bytes: number): Promise<void> {
  const set = (value: number) => broker.ctl('eval', `application:set_env(rabbit, ${name}, ${value}).`);
  await set(bytes);
  onTestFinished(async () => {
    await set(name === 'frame_max' ? 131_072 : 134_217_728);
  });
}

async function openAdapter(overrides: Partial<RabbitMqOptions> = {}) {
  const { emit, events } = keepEvents();
  const adapter = new RabbitMqConnection(brokerOptions(broker.url, overrides), testContext({ emit }));
  onTestFinished(() => adapter.close());
  await adapter.connect();
  return { adapter, events };
}

/** Puts a message on the queue that no limit of a later connection applies to. */
async function put(body: string, headers: Record<string, unknown> = {}): Promise<void> {
  const channel = await control.createConfirmChannel();
  channel.sendToQueue(queue, Buffer.from(body), { persistent: true, headers });
  await channel.waitForConfirms();
  await channel.close();
}

/** A dead-letter queue with room for one message, which is taken. */
async function fullDeadLetterQueue(): Promise<void> {
  const channel = await control.createConfirmChannel();
  await channel.assertQueue(`${queue}_dead`, { maxLength: 1, overflow: 'reject-publish' });
  channel.sendToQueue(`${queue}_dead`, Buffer.from('"in the way"'));
  await channel.waitForConfirms();
  await channel.close();
}

/** Returns how many messages there were. */
async function purge(queueName: string): Promise<number> {
  const channel = await control.createChannel();
  const { messageCount } = await channel.purgeQueue(queueName);
  await channel.close();
  return messageCount;
}

function reject(message: unknown): void {
  if (String(message).startsWith('bad')) throw new DeadLetterError('never');
}

function doneOf({ calls }: Hosted): unknown[] {
  return calls.map(({ message }) => message).filter((message) => typeof message === 'number');
}

const numbers = Array.from({ length: 20 }, (_, index) => index);

describe.for(['classic', 'quorum'] as const)(
  'from a %s queue, a full dead-letter queue',
  { timeout: 150_000 },
  (queueType) => {
    beforeEach(() => {
      queue = `held-${++number}`;
    });

    it('stops no other message, even at concurrency 1, and gets its letters once it has room', async () => {
      const { adapter, events } = await openAdapter({ queueType });
      await adapter.ensureQueue(queue);
      await fullDeadLetterQueue();
      await put('"bad 1"');
      await put('"bad 2"');
      for (const each of numbers) await put(String(each));
      const hosted = await host(adapter, queue, reject);
      await vi.waitFor(() => expect(doneOf(hosted)).toEqual(numbers), patience);
      const held = events.filter(({ kind }) => kind === 'copy-held');
      expect(held).toMatchObject([{ queue, target: `${queue}_dead` }, { refusals: 1 }]);
      // Neither lost nor processed again while it waits.
      expect(hosted.calls.filter(({ message }) => String(message).startsWith('bad'))).toHaveLength(2);
      await purge(`${queue}_dead`);
      // One fits at a time, or both: the broker may accept one too many of those that arrive together.
      let letters = 0;
      await vi.waitFor(async () => {
        letters += await purge(`${queue}_dead`);
        expect(letters).toBe(2);
      }, patience);
      expect(await hosted.stop()).toBe(0);
      expect(await browse(broker.url, queue)).toEqual([]);
    });

    it('loses no message when the host drains meanwhile', async () => {
      const { adapter, events } = await openAdapter({ queueType });
      await adapter.ensureQueue(queue);
      await fullDeadLetterQueue();
      await put('"bad"');
      const hosted = await host(adapter, queue, reject);
      await vi.waitFor(() => expect(events.map(({ kind }) => kind)).toContain('copy-held'), patience);
      expect(await hosted.stop()).toBe(0);
      expect(hosted.records).toMatchObject([{ outcome: { kind: 'dead' }, isSettled: false }]);
      expect(await browse(broker.url, queue)).toHaveLength(1);
    });
  },
);

it('keeps to the concurrency beside held messages, and to it again once they have moved', async () => {
  const { adapter } = await openAdapter();
  await fullDeadLetterQueue();
  for (let bad = 0; bad < 5; bad++) await put(`"bad ${bad}"`);
  let [running, most] = [0, 0];
  const hosted = await host(
    adapter,
    queue,
    async (message) => {
      reject(message);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 50));
      running--;
    },
    { concurrency: 2 },
  );
  for (const each of numbers) await put(String(each));
  await vi.waitFor(() => expect(doneOf(hosted)).toHaveLength(20), patience);
  const channel = await control.createChannel();
  await channel.deleteQueue(`${queue}_dead`);
  await channel.close();
  await vi.waitFor(async () => expect(await browse(broker.url, `${queue}_dead`)).toHaveLength(5), patience);
  for (const each of numbers) await put(String(each));
  await vi.waitFor(() => expect(doneOf(hosted)).toHaveLength(40), patience);
  expect(most).toBe(2);
});

describe('a message that is larger than the broker takes', () => {
  it('is refused alone: those sent with it are confirmed', async () => {
    await limit('max_message_size', 100 * kilobyte);
    const { adapter } = await openAdapter();
    const bodies = numbers.map((each) =>
      Buffer.from(each === 7 ? `"${'x'.repeat(200 * kilobyte)}"` : String(each)),
    );
    const results = await Promise.allSettled(bodies.map((body) => adapter.sendMessage(queue, body)));
    const refused = results.map(({ status }) => status === 'rejected');
    expect(refused).toEqual(numbers.map((each) => each === 7));
    const error = (results[7] as PromiseRejectedResult).reason as unknown;
    expect(error).toBeInstanceOf(MessageRefusedError);
    expect(error).toMatchObject({ message: expect.stringContaining('larger than') as unknown });
    const stored = await browse(broker.url, queue);
    expect(new Set(stored.map(({ body }) => Buffer.from(body).toString())).size).toBe(19);
  });

  it('stays in its queue while it cannot be retried, and the others are processed and retried', async () => {
    await put(`"${'x'.repeat(200 * kilobyte)}"`);
    await limit('max_message_size', 100 * kilobyte);
    const { adapter, events } = await openAdapter();
    for (const each of numbers) await put(String(each));
    const failed = new Set<unknown>();
    const hosted = await host(adapter, queue, (message) => {
      if (failed.has(message)) return;
      failed.add(message);
      throw new Error('once');
    });
    await vi.waitFor(() => expect(doneOf(hosted)).toHaveLength(40), patience);
    expect(events.filter(({ kind }) => kind === 'broker-lost')).toEqual([]);
    expect(events.find(({ kind }) => kind === 'copy-held')).toMatchObject({ target: `${queue}_retry_20` });
    await broker.ctl('eval', 'application:set_env(rabbit, max_message_size, 134217728).');
    // Channels keep the limit that they were opened with.
    await broker.ctl('close_all_connections', 'maintenance');
    control = await connect(broker.url);
    await vi.waitFor(async () => expect(await browse(broker.url, queue)).toEqual([]), patience);
  });
});

it('headers beyond frame_max are left out of a copy, and cost no connection', async () => {
  await put('1', { tenant: 'x'.repeat(10 * kilobyte) });
  await limit('frame_max', 8 * kilobyte);
  const { adapter, events } = await openAdapter();
  const hosted = await host(adapter, queue, (_message, { attempt }) => {
    if (attempt === 1) throw new Error('once');
  });
  await hosted.settled(2);
  expect(hosted.calls[1]!.context.headers).toMatchObject({ 'svchost-headers-dropped': true });
  expect(events.map(({ kind }) => kind)).toContain('copy-reduced');
  expect(events.map(({ kind }) => kind)).not.toContain('broker-lost');
});
