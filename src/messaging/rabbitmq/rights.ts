// Tries the rights that a service will need, for its own queue, its retries and its dead letters, and leaves no trace: each
// operation is one that the broker refuses for another reason, once it has found the right.
import { randomUUID } from 'node:crypto';
import type { Channel, RecoveringChannelModel } from 'amqplib';
import { toError } from '../../errors.ts';
import { withChannel } from './channel.ts';
import { crashQueueName } from './crash-journal.ts';
import { countReady, waitQueueName } from './queue.ts';
import { replyCode, replyCodeOf } from './refusal.ts';

/** An operation, and the right that it needs (RabbitMQ documentation, "Access Control", "How Permissions Work"). */
interface Trial {
  readonly right: string;
  readonly run: (channel: Channel) => Promise<unknown>;
}

/**
 * The rights that are missing, one line each, with the broker's own sentence.
 *
 * @param retryDelaysMs the delays of retries, which have a queue each
 */
export async function findMissingRights(
  connection: RecoveringChannelModel,
  queueName: string,
  deadLetterQueueName: string,
  retryDelaysMs: readonly number[],
): Promise<readonly string[]> {
  const waitQueues = retryDelaysMs.map((delayMs) => waitQueueName(queueName, delayMs));
  const names = [queueName, deadLetterQueueName, ...waitQueues, crashQueueName(queueName, '0'.repeat(16))];
  const creations: Trial[] = [];
  for (const name of names) {
    // One that exists needs no right to be created.
    if ((await countReady(connection, name)) === undefined) creations.push(configure(name));
  }
  const trials = [read(queueName), ...creations, publish()];
  const missing: string[] = [];
  for (const { right, run } of trials) {
    const refusal = await refusalOf(connection, run);
    if (refusal !== undefined) missing.push(`the user lacks the permission ${right}: ${refusal}`);
  }
  return missing;
}

/** Undefined if the broker found the right. */
async function refusalOf(connection: RecoveringChannelModel, run: Trial['run']): Promise<string | undefined> {
  try {
    await withChannel(connection, run);
    return undefined;
  } catch (error) {
    return replyCodeOf(error) === replyCode.accessRefused ? toError(error).message : undefined;
  }
}

/** No queue has this type, so none is created, and an existing one is left as it is. */
function configure(queueName: string): Trial {
  const options = { durable: true, arguments: { 'x-queue-type': 'svchost-asks' } };
  return { right: `configure on "${queueName}"`, run: (channel) => channel.assertQueue(queueName, options) };
}

/** No consumer has a text for its priority, so nothing is delivered. */
function read(queueName: string): Trial {
  const options = { arguments: { 'x-priority': 'svchost-asks' } };
  return {
    right: `read on "${queueName}"`,
    run: (channel) => channel.consume(queueName, () => undefined, options),
  };
}

/** No queue has this name, so the message goes nowhere. Retries and dead letters go through the default exchange. */
function publish(): Trial {
  return {
    right: 'write on the default exchange ("amq.default")',
    run: async (channel) => {
      channel.publish('', `svchost-asks-${randomUUID()}`, Buffer.alloc(0));
      // Answered after the message, or not at all.
      await channel.checkExchange('amq.direct');
    },
  };
}
