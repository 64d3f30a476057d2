// An SQS server as the contract suite needs it: each connection behind a proxy of its own, which knows the messages
// that the connection has received.
import { randomUUID } from 'node:crypto';
import { ChangeMessageVisibilityCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { MessageAdapter, SendOptions } from '../../../src/messaging/adapter.ts';
import type { MessageFacts } from '../../../src/messaging/message.ts';
import type { Capabilities } from '../../../src/messaging/capability.ts';
import { SqsConnection, sqsCapabilities, type SqsOptions } from '../../../src/messaging/sqs/connection.ts';
import { testContext } from '../../support/context.ts';
import type { AdapterHarness } from '../contract.ts';
import { FaultProxy } from './fault-proxy.ts';
import { credentials, region, startServer, type FauxqsServer } from './server.ts';

/** FIFO queues have no delays of single messages. */
const fifoCapabilities: Capabilities = { ...sqsCapabilities, delayedSend: false };

/** On FIFO queues, puts each message into a group of its own: the suite asks no order of SQS. */
class UngroupedConnection extends SqsConnection {
  override readonly capabilities = fifoCapabilities;

  override async sendMessage(queueName: string, body: Uint8Array, options: SendOptions = {}): Promise<void> {
    const headers = { ...options.headers, 'svchost-group': randomUUID() };
    // A spread would lose a header of this name.
    const proto = Object.getOwnPropertyDescriptor(options.headers ?? {}, '__proto__');
    if (proto) Object.defineProperty(headers, '__proto__', proto);
    await super.sendMessage(queueName, body, { ...options, headers });
  }
}

/** The harness for standard queues, or with `.fifo` for FIFO queues. */
export function sqsHarness(suffix: '' | '.fifo'): AdapterHarness {
  const proxies = new Map<MessageAdapter, FaultProxy>();
  let server: FauxqsServer;
  return {
    capabilities: suffix === '' ? sqsCapabilities : fifoCapabilities,
    start: async () => {
      server = await startServer();
    },
    stop: async () => {
      for (const proxy of proxies.values()) proxy.close();
      await server.stop();
    },
    create: async (context) => {
      const proxy = await new FaultProxy(server.port).start();
      const Connection = suffix === '' ? SqsConnection : UngroupedConnection;
      const adapter = new Connection(sqsOptions(proxy.url), testContext(context));
      proxies.set(adapter, proxy);
      return adapter;
    },
    queueName: () => `contract-${randomUUID()}${suffix}`,
    browse: (queueName) => Promise.resolve(browse(server, queueName)),
    crash: async (adapter) => {
      const proxy = proxies.get(adapter)!;
      proxy.reset();
      await returnAll(server, proxy);
    },
  };
}

/** @param endpoint the server's, or a proxy's in front of it */
export function sqsOptions(endpoint: string, overrides: Partial<SqsOptions> = {}): SqsOptions {
  return { region, credentials, endpoint, ...overrides };
}

/** The messages ready in a queue. */
export function browse(server: FauxqsServer, queueName: string): MessageFacts[] {
  const name = queueName.replace(/\.fifo_dead$/, '_dead.fifo');
  const ready = server.inspectQueue(name)?.messages.ready ?? [];
  return ready.map(({ body, messageAttributes }) => {
    const entries = Object.entries(messageAttributes).map(([key, { DataType, StringValue }]) => [
      key,
      DataType === 'Number' ? Number(StringValue) : StringValue,
    ]);
    const headers = Object.fromEntries(entries) as Record<string, unknown>;
    return { body: Buffer.from(body), headers, messageId: String(headers['svchost-message-id']) };
  });
}

/** Ends the leases of all messages that went through the proxy. */
async function returnAll(server: FauxqsServer, { handles }: FaultProxy): Promise<void> {
  const client = new SQSClient({
    region,
    credentials,
    endpoint: server.address,
    useQueueUrlAsEndpoint: false,
  });
  for (const { queueUrl, receiptHandle } of handles.splice(0)) {
    const command = new ChangeMessageVisibilityCommand({
      QueueUrl: queueUrl,
      ReceiptHandle: receiptHandle,
      VisibilityTimeout: 0,
    });
    // Messages that were deleted meanwhile have no lease.
    await client.send(command).catch(() => undefined);
  }
  client.destroy();
}
