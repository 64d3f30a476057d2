// Moves a message to a wait queue or the dead-letter queue: a copy must be confirmed before the original may be acked.
import type { Options } from 'amqplib';
import { sleep } from '../../clock.ts';
import { BrokerRefusedError, SendError, toError, UnroutableError } from '../../errors.ts';
import { backoffMs } from '../backoff.ts';
import type { Broker } from './broker.ts';
import { formsOf, type Copy } from './copy.ts';
import { UnwritableError } from './publisher.ts';
import { queueRefusal } from './refusal.ts';

/** One of svchost's own queues, and the options with which it is declared when first needed. */
export interface Target {
  readonly queueName: string;
  readonly options?: Options.AssertQueue;
}

/** A copy to hand over, and the queues that it moves between. */
export interface Handover {
  /** The queue that the message came from. */
  readonly source: string;
  readonly target: Target;
  readonly body: Uint8Array;
  readonly copy: Copy;
  /** Aborted when the original is lost; the broker then redelivers it. */
  readonly signal: AbortSignal;
}

/**
 * Sends a copy and makes sure that the broker has it: retries after every temporary error.
 *
 * @returns whether the copy is safe; false only if the signal was aborted first
 * @throws BrokerRefusedError the user may not create the queue, or write to it
 */
export async function handOver(broker: Broker, handover: Handover): Promise<boolean> {
  const { source, target, body, copy, signal } = handover;
  const { clock, emit } = broker.context;
  const facts = { queue: source, target: target.queueName, messageId: copy.messageId };
  const forms = [...formsOf(copy)];
  let failures = 0;
  while (!signal.aborted) {
    try {
      await broker.ensureKnown(target.queueName, target.options);
      await broker.publisher.publish(target.queueName, body, forms[0] ?? {});
      return true;
    } catch (thrown) {
      const error = toError(thrown);
      const refusal = refusalOf(error, target, broker);
      if (refusal) throw refusal;
      if (error instanceof UnroutableError) broker.forget(target.queueName);
      if (error instanceof UnwritableError && forms.length > 1) {
        forms.shift();
        emit({ kind: 'copy-reduced', ...facts, error });
        continue;
      }
      failures++;
      emit({ kind: 'copy-refused', ...facts, failures, error });
      await sleep(clock, backoffMs(failures), signal);
    }
  }
  return false;
}

function refusalOf(error: Error, { queueName }: Target, { address }: Broker): BrokerRefusedError | undefined {
  if (error instanceof BrokerRefusedError) return error;
  return queueRefusal(error instanceof SendError ? error.cause : error, queueName, address);
}
