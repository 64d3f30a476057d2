// Queues of the tests: unique names, and their removal.
import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';

/** A unique queue name, even beside another run against the same broker: `prefix-<uuid>`. */
export function uniqueQueueName(prefix: string): string {
  return `${prefix}-${randomUUID()}`;
}

/** Deletes the queues with all their messages; a missing one is not an error. */
export async function deleteQueues(url: string, ...names: readonly string[]): Promise<void> {
  const connection = await connect(url, { timeout: 10_000 });
  try {
    const channel = await connection.createChannel();
    for (const name of names) await channel.deleteQueue(name);
  } finally {
    await connection.close();
  }
}
