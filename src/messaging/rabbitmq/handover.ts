// Moves a message to a wait queue or the dead-letter queue: sends one copy there, once.
import type { Options } from 'amqplib';
import {
  BrokerRefusedError,
  MessageRefusedError,
  SendError,
  toError,
  UnroutableError,
} from '../../errors.ts';
import type { Broker } from './broker.ts';
import type { QueueForms } from './queue.ts';
import { queueRefusal, replyCode, replyCodeOf } from './refusal.ts';

/** One of svchost's own queues, and the forms in which it is declared when first needed. */
export interface Target {
  readonly queueName: string;
  readonly forms?: QueueForms;
}

/**
 * Resolves once the broker has the copy; creates its queue if need be.
 *
 * @throws BrokerRefusedError the user may not create the queue, or publish
 * @throws MessageRefusedError the broker refuses this copy, or such a queue
 * @throws Error anything that may pass
 */
export async function move(
  broker: Broker,
  { queueName, forms }: Target,
  body: Uint8Array,
  properties: Options.Publish,
): Promise<void> {
  try {
    await broker.ensureKnown(queueName, forms);
    await broker.publisher.publish(queueName, body, properties);
  } catch (thrown) {
    const error = toError(thrown);
    if (error instanceof UnroutableError) broker.forget(queueName);
    throw refusalOf(error, queueName, broker) ?? error;
  }
}

/** Only missing rights end the service: whatever else is refused is the matter of this message or of its queue. */
function refusalOf(error: Error, queueName: string, { address }: Broker): Error | undefined {
  const isWrapped = error instanceof SendError || error instanceof BrokerRefusedError;
  const cause = isWrapped ? error.cause : error;
  if (replyCodeOf(cause) === replyCode.accessRefused) return queueRefusal(cause, queueName, address);
  if (!(error instanceof BrokerRefusedError)) return undefined;
  return new MessageRefusedError(queueName, error.message, { canShrink: false, cause: error });
}
