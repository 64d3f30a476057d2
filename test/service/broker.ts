// The brokers that the tests of the service run on: real RabbitMQ, and the embedded queue in a file. Creates and
// deletes their queues.
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

/** The delays of retries in these tests: each has its own queue on RabbitMQ, which must be deleted afterwards. */
export const retryDelaysMs = [1, 20, 40, 300, 1000, 6000, 60_000];

/** A broker for the tests of the service. */
export interface TestBroker {
  readonly name: string;
  /** The variables that connect a separate host process to this broker. */
  env(): Record<string, string>;
  /** A new connection, closed when the test has finished; the service connects it. */
  adapter(): MessageAdapter;
  /** Creates a queue for this test alone. */
  queue(): Promise<string>;
  /** Puts bytes on a queue unchanged. */
  put(queueName: string, body: Uint8Array, headers?: Headers): Promise<void>;
  /** The messages waiting in a queue, without removing them. */
  browse(queueName: string): Promise<MessageFacts[]>;
  /** The number of waiting messages, including those that wait for a retry. */
  count(queueName: string): Promise<number>;
}

/** RabbitMQ, with its own client for messages that svchost's would not send. */
export interface RabbitMqTestBroker extends TestBroker {
  /** The tests' own connection. */
  readonly control: ChannelModel;
  /** Publishes like any client. */
  publish(queueName: string, body: Uint8Array, properties: Options.Publish): Promise<void>;
}

/** The shared RabbitMQ. Call it at a place that may declare hooks. */
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
    // As pika does for the Python host: persistent, without any other property.
    put: (queueName, body, headers) =>
      broker.publish(queueName, body, { persistent: true, ...(headers && { headers }) }),
    publish: async (queueName, body, properties) => {
      const channel = await control.createConfirmChannel();
      channel.sendToQueue(queueName, Buffer.from(body), properties);
      await channel.waitForConfirms();
      await channel.close();
    },
    browse: (queueName) => browse(url, queueName),
    count: (queueName) => watcher.countMessages(queueName, retryDelaysMs),
  };
  return broker;
}

function makeRabbitMq(url: string, overrides: Partial<RabbitMqOptions>): MessageAdapter {
  return new RabbitMqConnection(brokerOptions(url, overrides), testContext());
}

/** The embedded queue, in one file for all tests of the test file. Call it at a place that may declare hooks. */
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

/** Waits until a queue has `count` dead letters, and returns them. */
export function deadLetters(broker: TestBroker, queueName: string, count: number): Promise<MessageFacts[]> {
  return vi.waitFor(async () => {
    const letters = await broker.browse(`${queueName}_dead`);
    expect(letters).toHaveLength(count);
    return letters;
  }, patience);
}

/** Waits until the queue is empty and no retry is pending: RabbitMQ counts with a delay. */
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
