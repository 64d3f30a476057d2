// Queues of the tests: names nobody else uses, and their removal. Owns no message.
import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';

/** A queue name of this test's own, also beside another run against the same broker: `prefix-<uuid>`. */
export function uniqueQueueName(prefix: string): string {
  return `${prefix}-${randomUUID()}`;
}

/** Deletes the queues with all that is in them; one that does not exist is no error. */
export async function deleteQueues(url: string, ...names: readonly string[]): Promise<void> {
  const connection = await connect(url, { timeout: 10_000 });
  try {
    const channel = await connection.createChannel();
    for (const name of names) await channel.deleteQueue(name);
  } finally {
    await connection.close();
  }
}
