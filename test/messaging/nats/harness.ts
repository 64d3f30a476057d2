// A real NATS as the contract suite needs it: each connection behind a relay of its own, which can be cut.
import { randomUUID } from 'node:crypto';
import { connect, type NatsConnection as Client } from '@nats-io/transport-node';
import { jetstreamManager, type JetStreamManager, type StoredMsg } from '@nats-io/jetstream';
import { inject } from 'vitest';
import type { MessageAdapter } from '../../../src/messaging/adapter.ts';
import type { MessageFacts } from '../../../src/messaging/message.ts';
import { NatsConnection, type NatsOptions } from '../../../src/messaging/nats/connection.ts';
import { decodeWire } from '../../../src/messaging/nats/header.ts';
import { streamName } from '../../../src/messaging/nats/name.ts';
import { testContext } from '../../support/context.ts';
import { startRelay, type Relay } from '../../support/tcp-relay.ts';
import type { AdapterHarness } from '../contract.ts';

/** How long a crashed connection's messages stay leased. */
const ackWaitMs = 2_000;

/** The server's address in the adapter's form. */
export function natsOptions(url: string, overrides: Partial<NatsOptions> = {}): NatsOptions {
  const { host, username, password } = new URL(url);
  return {
    servers: [host],
    tls: false,
    username: decodeURIComponent(username) || undefined,
    password: decodeURIComponent(password) || undefined,
    token: undefined,
    credentialsPath: undefined,
    replicas: 1,
    ackWaitMs: 30_000,
    ...overrides,
  };
}

/** A client of the test's own. */
export async function openClient(url: string): Promise<{ nc: Client; jsm: JetStreamManager }> {
  const { servers, username, password } = natsOptions(url);
  const nc = await connect({
    servers: [...servers],
    ...(username !== undefined && { user: username }),
    ...(password !== undefined && { pass: password }),
  });
  return { nc, jsm: await jetstreamManager(nc) };
}

/** Deletes queues of the shared server, if they exist. */
export async function deleteNatsQueues(...queues: readonly string[]): Promise<void> {
  const { nc, jsm } = await openClient(inject('natsUrl'));
  for (const name of queues) await jsm.streams.delete(streamName(name)).catch(() => undefined);
  await nc.close();
}

/** The harness for the shared server. */
export function natsHarness(): AdapterHarness {
  const url = inject('natsUrl');
  const options = natsOptions(url, { ackWaitMs });
  const relays = new Map<MessageAdapter, Relay>();
  const queues: string[] = [];
  let control: Awaited<ReturnType<typeof openClient>>;
  return {
    capabilities: new NatsConnection(options, testContext()).capabilities,
    start: async () => {
      control = await openClient(url);
    },
    stop: async () => {
      await Promise.all([...relays.values()].map((relay) => relay.close()));
      await control.nc.close();
      await deleteNatsQueues(...queues.flatMap((queue) => [queue, `${queue}_dead`]));
    },
    create: async (context) => {
      const [hostname = '', port] = options.servers[0]!.split(':');
      const relay = await startRelay(Number(port ?? 4222), hostname);
      const servers = [`127.0.0.1:${relay.port}`];
      const adapter = new NatsConnection({ ...options, servers }, testContext(context));
      relays.set(adapter, relay);
      return adapter;
    },
    queueName: () => {
      const name = `contract-${randomUUID()}`;
      queues.push(name);
      return name;
    },
    browse: (queueName) => browse(control.jsm, queueName),
    crash: async (adapter) => {
      const relay = relays.get(adapter)!;
      await relay.refuse();
      relay.reset();
      // The server waits this long for acks; a connection that is back sooner keeps its messages.
      setTimeout(() => void relay.accept(), ackWaitMs + 500);
    },
  };
}

/** The messages in a queue's stream. */
export async function browse(jsm: JetStreamManager, queueName: string): Promise<MessageFacts[]> {
  const name = streamName(queueName);
  const info = await jsm.streams.info(name).catch(() => undefined);
  const messages: StoredMsg[] = [];
  for (let seq = info?.state.first_seq ?? 1; seq <= (info?.state.last_seq ?? 0); seq++) {
    const message = await jsm.streams.getMessage(name, { seq });
    if (message) messages.push(message);
  }
  return messages.map(({ data, header }) => {
    const { headers, facts } = decodeWire(header);
    return { body: data, headers, messageId: String(facts.messageId) };
  });
}
