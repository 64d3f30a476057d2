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

/** How a queue is declared: in the first form that the broker knows. */
export type QueueForms = readonly [Options.AssertQueue, ...Options.AssertQueue[]];

/**
 * Creates a durable queue if it is missing. Checks passively first: the broker would refuse to declare an existing
 * queue with other arguments (a quorum queue, an operator's TTL).
 *
 * @returns whether the queue was created
 */
export async function ensureQueue(
  connection: RecoveringChannelModel,
  queueName: string,
  [form, ...others]: QueueForms,
): Promise<boolean> {
  if ((await countReady(connection, queueName)) !== undefined) return false;
  try {
    await withChannel(connection, (channel) => channel.assertQueue(queueName, { durable: true, ...form }));
    return true;
  } catch (error) {
    const [next, ...rest] = others;
    if (!next || replyCodeOf(error) !== replyCode.preconditionFailed) throw error;
    return await ensureQueue(connection, queueName, [next, ...rest]);
  }
}

/** The form of queues and of their dead-letter queues: of the configured type, if there is one. */
export function queueForms(queueType: RabbitMqQueueType | undefined): QueueForms {
  return [queueType === undefined ? {} : { arguments: { 'x-queue-type': queueType } }];
}

/**
 * The forms of a wait queue: after `delayMs` a message goes back to `queueName` through the default exchange. One queue
 * per delay, since a queue expires messages from its head only.
 *
 * A quorum queue, whatever the type of `queueName`, since it keeps an expired message until its target has it (RabbitMQ
 * documentation, "Quorum queues", at-least-once dead lettering). Brokers before RabbitMQ 3.10 know no quorum queues that
 * expire messages; they get a classic queue, which forgets an expired message before its target has it. See
 * docs/rabbitmq.md, "Durability".
 */
export function waitQueueForms(queueName: string, delayMs: number): QueueForms {
  const back = { messageTtl: delayMs, deadLetterExchange: '', deadLetterRoutingKey: queueName };
  const quorum = { 'x-queue-type': 'quorum', 'x-dead-letter-strategy': 'at-least-once' };
  return [{ ...back, overflow: 'reject-publish', arguments: quorum }, back];
}
