// The embedded queue keeps the contract, in a file and in memory.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import type { AdapterContext, Delivery, MessageAdapter } from '../../src/messaging/adapter.ts';
import type { MessageFacts } from '../../src/messaging/message.ts';
import { SqliteConnection } from '../../src/messaging/sqlite/connection.ts';
import { describeAdapterContract } from './contract.ts';
import { testContext } from '../support/context.ts';
import { browseFile, expireLeases } from './sqlite/file.ts';

const directory = mkdtempSync(join(tmpdir(), 'svchost-contract-'));
const file = join(directory, 'queue.db');

const { capabilities } = create(file, {});

describeAdapterContract('SqliteConnection with a file', {
  capabilities,
  create: (context) => Promise.resolve(create(file, context)),
  queueName: randomUUID,
  browse: (queueName) => Promise.resolve(browseFile(file, queueName)),
  crash: () => {
    expireLeases(file);
    return Promise.resolve();
  },
  stop: () => {
    rmSync(directory, { recursive: true });
    return Promise.resolve();
  },
});

let memory: MessageAdapter;

describeAdapterContract('SqliteConnection in memory', {
  capabilities,
  isPrivate: true,
  create: (context) => Promise.resolve((memory = create(':memory:', context))),
  queueName: randomUUID,
  browse: (queueName) => browseMemory(memory, queueName),
  crash: () => Promise.reject(new Error('the memory dies with its only connection')),
});

function create(path: string, context: Partial<AdapterContext>): SqliteConnection {
  return new SqliteConnection({ path }, testContext(context));
}

/** Other connections cannot see the memory, so the messages are consumed and requeued. */
async function browseMemory(adapter: MessageAdapter, queueName: string): Promise<MessageFacts[]> {
  const count = await adapter.countMessages(queueName, []);
  const deliveries: Delivery[] = [];
  const consumer = await adapter.consumeMessages(queueName, (delivery) => deliveries.push(delivery), {
    concurrency: 1000,
    deadLetterQueueName: 'unused',
    onFailure: (error) => {
      throw error;
    },
  });
  await vi.waitUntil(() => deliveries.length === count);
  await consumer.stop();
  return deliveries;
}
