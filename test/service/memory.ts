// The embedded queue in memory: the tests' double for a broker, for behaviour that is the same on all of them.
import { onTestFinished } from 'vitest';
import { systemClock, type Clock } from '../../src/clock.ts';
import type { MessageAdapter } from '../../src/messaging/adapter.ts';
import { SqliteConnection } from '../../src/messaging/sqlite/connection.ts';
import { testContext } from '../support/context.ts';
import { json } from './broker.ts';

/** The name of the queue of a broker in memory. */
export const queueName = 'orders';

/** A connected broker for this test, with these messages in its queue. */
export async function memoryWith(
  messages: readonly unknown[],
  clock: Clock = systemClock,
): Promise<MessageAdapter> {
  const adapter = new SqliteConnection({ path: ':memory:' }, testContext({ clock }));
  onTestFinished(() => adapter.close());
  await adapter.connect();
  await adapter.ensureQueue(queueName);
  for (const message of messages) await adapter.sendMessage(queueName, json(message));
  return adapter;
}
