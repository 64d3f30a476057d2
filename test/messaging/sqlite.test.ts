// The embedded queue keeps the contract, in a file and in memory.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { Delivery, MessageAdapter } from '../../src/messaging/adapter.ts';
import { SqliteConnection } from '../../src/messaging/sqlite/connection.ts';
import { describeAdapterContract, type BrowsedMessage } from './contract.ts';
import { browseFile, expireLeases } from './sqlite/file.ts';

const directory = mkdtempSync(join(tmpdir(), 'svchost-contract-'));
const file = join(directory, 'queue.db');

describeAdapterContract('SqliteConnection with a file', {
  limits: {},
  open: () => open(file),
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
  limits: { oneConnection: true },
  open: async () => (memory = await open(':memory:')),
  queueName: randomUUID,
  browse: (queueName) => browseMemory(memory, queueName),
  crash: () => Promise.reject(new Error('the memory dies with its only connection')),
});

async function open(path: string): Promise<MessageAdapter> {
  const context = { connectionName: 'test@1', log: silentLog, clock: systemClock };
  const adapter = new SqliteConnection({ path }, context);
  await adapter.connect();
  return adapter;
}

/** Nobody else sees the memory: the messages are taken, and handed back. */
async function browseMemory(adapter: MessageAdapter, queueName: string): Promise<BrowsedMessage[]> {
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
