// The brokers that the tests of the service run on: real RabbitMQ, and the embedded queue in a file. Owns their queues.
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ChannelModel, type Options } from 'amqplib';
import { afterAll, beforeAll, expect, inject, onTestFinished, vi } from 'vitest';
import type { MessageAdapter } from '../../src/messaging/adapter.ts';
import type { Headers } from '../../src/messaging/message.ts';
import { RabbitMqConnection, type RabbitMqOptions } from '../../src/messaging/rabbitmq/connection.ts';
import { SqliteConnection } from '../../src/messaging/sqlite/connection.ts';
import type { MessageFacts } from '../../src/messaging/message.ts';
import { brokerOptions, browse } from '../messaging/rabbitmq/harness.ts';
import { browseFile } from '../messaging/sqlite/file.ts';
import { testContext } from '../support/context.ts';
import { deleteQueues, uniqueQueueName } from '../support/queue.ts';

/** How long a test waits for something that must happen. */
export const patience = { timeout: 20_000, interval: 5 };

/** The delays of retries in these tests: each has a queue of its own on RabbitMQ, which must be deleted again. */
export const retryDelaysMs = [1, 20, 40, 300, 1000, 6000, 60_000];

/** A broker as the tests of the service need it. */
export interface TestBroker {
  readonly name: string;
  /** What a host in a process of its own is configured with to use this broker. */
  env(): Record<string, string>;
  /** A new connection, closed when the test has finished; not connected yet, that is for the service to do. */
  adapter(): MessageAdapter;
  /** A queue that exists, of this test's own. */
  queue(): Promise<string>;
  /** Puts bytes into a queue as they are. */
  put(queueName: string, body: Uint8Array, headers?: Headers): Promise<void>;
  /** The messages that wait in a queue, without taking them out. */
  browse(queueName: string): Promise<MessageFacts[]>;
  /** How many messages wait, those included that wait for a retry. */
  count(queueName: string): Promise<number>;
}

/** RabbitMQ, whose own client is at hand for what svchost's would not do. */
export interface RabbitMqTestBroker extends TestBroker {
  /** The tests' own connection. */
  readonly control: ChannelModel;
  /** Publishes as any client may. */
  publish(queueName: string, body: Uint8Array, properties: Options.Publish): Promise<void>;
}

/** The shared RabbitMQ. To be called where hooks can be declared. */
export function rabbitMqBroker(overrides: Partial<RabbitMqOptions> = {}): RabbitMqTestBroker {
  const url = inject('rabbitMqUrl');
  const queues: string[] = [];
  let control: ChannelModel;
  let watcher: MessageAdapter;
  beforeAll(async () => {
    control = await connect(url);
    watcher = makeRabbitMq(url, overrides);
    await watcher.connect();
  });
  afterAll(async () => {
    await watcher.close();
    await control.close();
    await deleteQueues(url, ...queues.flatMap(withCompanions));
  });
  const broker: RabbitMqTestBroker = {
    name: 'RabbitMQ',
    get control() {
      return control;
    },
    env: () => ({ MESSAGING_TYPE: 'RabbitMqConnection', RABBITMQ_URL: url }),
    adapter: () => closedAtTheEnd(makeRabbitMq(url, overrides)),
    queue: async () => {
      const name = uniqueQueueName('service');
      queues.push(name);
      await watcher.ensureQueue(name);
      return name;
    },
    // As the Python host's pika does: persistent, and nothing else.
    put: (queueName, body, headers) =>
      broker.publish(queueName, body, { persistent: true, ...(headers && { headers }) }),
    publish: async (queueName, body, properties) => {
      const channel = await control.createConfirmChannel();
      channel.sendToQueue(queueName, Buffer.from(body), properties);
      await channel.waitForConfirms();
      await channel.close();
    },
    browse: (queueName) => browse(control, queueName),
    count: (queueName) => watcher.countMessages(queueName, retryDelaysMs),
  };
  return broker;
}

function makeRabbitMq(url: string, overrides: Partial<RabbitMqOptions>): MessageAdapter {
  return new RabbitMqConnection(brokerOptions(url, overrides), testContext());
}

/** The embedded queue, in one file for all tests of the test file. To be called where hooks can be declared. */
export function sqliteBroker(leaseMs = 30_000): TestBroker {
  let file: string;
  let watcher: MessageAdapter;
  const make = () => new SqliteConnection({ path: file, leaseMs }, testContext());
  beforeAll(async () => {
    file = join(await mkdtemp(join(tmpdir(), 'svchost-service-')), 'queue.db');
    watcher = make();
    await watcher.connect();
  });
  afterAll(async () => {
    await watcher.close();
    rmSync(join(file, '..'), { recursive: true });
  });
  return {
    name: 'SQLite',
    env: () => ({ MESSAGING_TYPE: 'SqliteConnection', SQLITE_PATH: file }),
    adapter: () => closedAtTheEnd(make()),
    queue: async () => {
      const name = uniqueQueueName('service');
      await watcher.ensureQueue(name);
      return name;
    },
    put: (queueName, body, headers) => watcher.sendMessage(queueName, body, headers ? { headers } : {}),
    browse: (queueName) => Promise.resolve(browseFile(file, queueName)),
    count: (queueName) => watcher.countMessages(queueName, retryDelaysMs),
  };
}

function closedAtTheEnd(adapter: MessageAdapter): MessageAdapter {
  onTestFinished(() => adapter.close());
  return adapter;
}

function withCompanions(queueName: string): string[] {
  return [queueName, `${queueName}_dead`, ...retryDelaysMs.map((delayMs) => `${queueName}_retry_${delayMs}`)];
}

/** Waits until there are `count` dead letters of a queue, and gives them. */
export function deadLetters(broker: TestBroker, queueName: string, count: number): Promise<MessageFacts[]> {
  return vi.waitFor(async () => {
    const letters = await broker.browse(`${queueName}_dead`);
    expect(letters).toHaveLength(count);
    return letters;
  }, patience);
}

/** Nothing waits in the queue, nor for a retry. Awaited: RabbitMQ counts with a delay. */
export async function expectEmpty(broker: TestBroker, queueName: string): Promise<void> {
  await vi.waitFor(async () => expect(await broker.count(queueName)).toBe(0), patience);
}

/** `value` as the bytes of a JSON message. */
export function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** A queue with these messages in it. */
export async function queueWith(broker: TestBroker, ...messages: unknown[]): Promise<string> {
  const queue = await broker.queue();
  for (const message of messages) await broker.put(queue, json(message));
  return queue;
}
