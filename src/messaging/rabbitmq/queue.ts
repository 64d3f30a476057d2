// The names and options of queues, and the creation of those that are missing. Existing queues are left as they are.
import type { Options, RecoveringChannelModel } from 'amqplib';
import { withChannel } from './channel.ts';
import type { RabbitMqQueueType } from '../../config/broker/rabbitmq.ts';
import { replyCode, replyCodeOf } from './refusal.ts';

/** The queue in which a message of `queueName` waits for `delayMs` before its next attempt. */
export function waitQueueName(queueName: string, delayMs: number): string {
  return `${queueName}_retry_${delayMs}`;
}

/** Whether a queue is one in which messages of `queueName` wait for their next attempt. */
export function isWaitQueue(name: string, queueName: string): boolean {
  return (
    name.startsWith(`${queueName}_retry_`) && /^\d+$/.test(name.slice(queueName.length + '_retry_'.length))
  );
}

/** How many messages are ready in the queue; undefined if there is no such queue. */
export async function countReady(
  connection: RecoveringChannelModel,
  queueName: string,
): Promise<number | undefined> {
  try {
    const { messageCount } = await withChannel(connection, (channel) => channel.checkQueue(queueName));
    return messageCount;
  } catch (error) {
    if (replyCodeOf(error) === replyCode.notFound) return undefined;
    throw error;
  }
}

/**
 * Creates a durable queue if it is missing. Checks passively first: the broker would refuse to declare an existing
 * queue with other arguments (a quorum queue, an operator's TTL).
 *
 * @returns whether the queue was created
 */
export async function ensureQueue(
  connection: RecoveringChannelModel,
  queueName: string,
  options: Options.AssertQueue,
): Promise<boolean> {
  if ((await countReady(connection, queueName)) !== undefined) return false;
  await withChannel(connection, (channel) => channel.assertQueue(queueName, { durable: true, ...options }));
  return true;
}

/** The options of every queue that svchost declares: its type, if one is configured. */
export function queueOptions(queueType: RabbitMqQueueType | undefined): Options.AssertQueue {
  return queueType === undefined ? {} : { arguments: { 'x-queue-type': queueType } };
}

/**
 * The options of a wait queue: after `delayMs` a message goes back to `queueName` through the default exchange. One
 * queue per delay, since a queue expires messages from its head only.
 *
 * A quorum queue keeps an expired message until its target has it (RabbitMQ documentation, "Quorum queues",
 * at-least-once dead lettering). A classic queue forgets it first: if the broker is killed or the target is missing at
 * that very moment, the message is lost. See docs/rabbitmq.md, "Durability".
 */
export function waitQueueOptions(
  queueName: string,
  delayMs: number,
  queueType: RabbitMqQueueType | undefined,
): Options.AssertQueue {
  const back = { messageTtl: delayMs, deadLetterExchange: '', deadLetterRoutingKey: queueName };
  if (queueType !== 'quorum') return { ...back, ...queueOptions(queueType) };
  return {
    ...back,
    overflow: 'reject-publish',
    arguments: { 'x-queue-type': 'quorum', 'x-dead-letter-strategy': 'at-least-once' },
  };
}
