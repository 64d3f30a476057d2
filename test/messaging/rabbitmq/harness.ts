// A real RabbitMQ for the contract suite: each connection goes through a relay of its own, which can be cut.
import { connect, type Channel, type GetMessage } from 'amqplib';
import { inject } from 'vitest';
import type { MessageAdapter } from '../../../src/messaging/adapter.ts';
import type { MessageFacts } from '../../../src/messaging/message.ts';
import { RabbitMqConnection, type RabbitMqOptions } from '../../../src/messaging/rabbitmq/connection.ts';
import { testContext } from '../../support/context.ts';
import { deleteQueues, uniqueQueueName } from '../../support/queue.ts';
import { startRelay, type Relay } from '../../support/tcp-relay.ts';
import type { AdapterHarness } from '../contract.ts';

/** The shared broker's address in the form that the adapter takes. */
export function brokerOptions(url: string, overrides: Partial<RabbitMqOptions> = {}): RabbitMqOptions {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    hosts: [{ hostname, port: Number(port || 5672) }],
    username: decodeURIComponent(username) || 'guest',
    password: decodeURIComponent(password) || 'guest',
    virtualHost: decodeURIComponent(pathname.slice(1)) || '/',
    tls: false,
    heartbeatS: 10,
    queueType: undefined,
    ...overrides,
  };
}

/** The harness for the shared broker. */
export function rabbitMqHarness(overrides: Partial<RabbitMqOptions> = {}): AdapterHarness {
  const url = inject('rabbitMqUrl');
  const options = brokerOptions(url, overrides);
  const relays = new Map<MessageAdapter, Relay>();
  const queues: string[] = [];
  return {
    capabilities: new RabbitMqConnection(options, testContext()).capabilities,
    stop: async () => {
      await Promise.all([...relays.values()].map((relay) => relay.close()));
      await deleteQueues(url, ...queues.flatMap(withCompanions));
    },
    create: async (context) => {
      const [host] = options.hosts;
      const relay = await startRelay(host!.port, host!.hostname);
      const hosts = [{ hostname: '127.0.0.1', port: relay.port }];
      const adapter = new RabbitMqConnection({ ...options, hosts }, testContext(context));
      relays.set(adapter, relay);
      return adapter;
    },
    queueName: () => {
      const name = uniqueQueueName('contract');
      queues.push(name);
      return name;
    },
    browse: (queueName) => browse(url, queueName),
    crash: (adapter) => {
      relays.get(adapter)?.reset();
      return Promise.resolve();
    },
  };
}

/**
 * The messages waiting in a queue; they return to their places. Each look has a connection of its own: RabbitMQ 3.10
 * closes it (541) when a quorum queue is looked at before its leader is elected.
 */
export async function browse(url: string, queueName: string): Promise<MessageFacts[]> {
  const connection = await connect(url);
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createChannel();
    // A missing queue closes the channel, and has no messages.
    channel.on('error', () => undefined);
    const messages = await getAll(channel, queueName);
    return messages.map(({ content, properties }) => ({
      body: content,
      headers: properties.headers ?? {},
      messageId: String(properties.messageId),
    }));
  } catch {
    return [];
  } finally {
    await connection.close().catch(() => undefined);
  }
}

async function getAll(channel: Channel, queueName: string): Promise<GetMessage[]> {
  const messages: GetMessage[] = [];
  for (;;) {
    const message = await channel.get(queueName);
    if (!message) return messages;
    messages.push(message);
  }
}

/** The delays of retries in the tests. */
const delaysMs = [1, 20, 50, 100, 200, 300, 500, 1000, 3_600_000];

function withCompanions(queueName: string): string[] {
  return [queueName, `${queueName}_dead`, ...delaysMs.map((delayMs) => `${queueName}_retry_${delayMs}`)];
}
