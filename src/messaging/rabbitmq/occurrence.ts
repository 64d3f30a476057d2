// Claims occurrences of a schedule on RabbitMQ: each claim is a queue.
import type { ConfirmChannel } from 'amqplib';
import { toError } from '../../errors.ts';
import { claimMemoryMs } from '../capability.ts';
import type { Broker } from './broker.ts';
import { close, watchChannel } from './channel.ts';
import { queueRefusal } from './refusal.ts';

/**
 * A claim is a queue of its own with room for one message: the replica whose message the broker confirms has the
 * occurrence, and the broker refuses all others. No replica holds a lock that would have to pass to another when it
 * dies.
 *
 * It must be a classic queue, whose one process takes messages one by one: a quorum queue may accept a few more before
 * it refuses (RabbitMQ documentation, "Queue Length Limit"). It is durable and the message persistent, so that no claim
 * is lost when the broker restarts. The broker deletes it once it has been unused for `claimMemoryMs`.
 */
const queueOptions = {
  durable: true,
  maxLength: 1,
  overflow: 'reject-publish',
  expires: claimMemoryMs,
  arguments: { 'x-queue-type': 'classic' },
} as const;

/** The queue that stands for one occurrence: `<schedule>_<instant>`. */
export function occurrenceQueueName(scheduleName: string, occurrence: Date): string {
  return `${scheduleName}_${occurrence.toISOString()}`;
}

/**
 * Claims an occurrence; see Claiming.
 *
 * @throws BrokerRefusedError the user may not create such a queue
 */
export async function claimOccurrence(
  broker: Broker,
  scheduleName: string,
  occurrence: Date,
): Promise<boolean> {
  const queueName = occurrenceQueueName(scheduleName, occurrence);
  // A channel of its own, since a refusal closes its channel.
  const channel = await broker.connection.createConfirmChannel();
  void watchChannel(channel);
  try {
    await channel.assertQueue(queueName, queueOptions);
    return await isTaken(channel, queueName);
  } catch (error) {
    throw queueRefusal(error, queueName, broker.address) ?? error;
  } finally {
    void close(channel);
  }
}

/** Whether the broker took the caller's message. */
async function isTaken(channel: ConfirmChannel, queueName: string): Promise<boolean> {
  if (await publish(channel, queueName)) return true;
  // A queue that fails refuses messages as well; then nobody has the claim.
  const { messageCount } = await channel.checkQueue(queueName);
  if (messageCount === 0) throw new Error(`queue "${queueName}" has refused its first message`);
  return false;
}

/** Resolves with true if the broker confirmed the message, false if it refused it; rejects if it did neither. */
function publish(channel: ConfirmChannel, queueName: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    channel.sendToQueue(queueName, Buffer.alloc(0), { persistent: true }, (error: unknown) => {
      if (!error) return resolve(true);
      const failure = toError(error);
      // amqplib uses one kind of error for a refusal and for a lost channel (lib/channel.js, ConfirmChannel).
      if (failure.message === 'message nacked') resolve(false);
      else reject(failure);
    });
  });
}
