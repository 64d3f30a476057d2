// Handing a message over to a wait queue or the dead-letter queue: a copy, confirmed, before the original may be acked.
import type { Options } from 'amqplib';
import { sleep } from '../../clock.ts';
import { BrokerRefusedError, SendError, toError, UnroutableError } from '../../errors.ts';
import { backoffMs } from '../backoff.ts';
import type { Broker } from './broker.ts';
import { withoutForeignHeaders, withoutForeignProperties } from './copy.ts';
import { UnwritableError } from './publisher.ts';
import { queueRefusal } from './refusal.ts';

/** A queue of svchost's own, and how it is declared when it is first needed. */
export interface Target {
  readonly queueName: string;
  readonly options?: Options.AssertQueue;
}

/**
 * Sends a copy and makes sure that the broker has it: what can pass is tried again until it works.
 *
 * @param signal aborted when the original is no longer ours; the broker then delivers it again
 * @returns whether the copy is safe; false only where the signal was aborted first
 * @throws BrokerRefusedError the user may not make the queue, or write to it
 */
export async function handOver(
  broker: Broker,
  target: Target,
  body: Uint8Array,
  copy: Options.Publish,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, log } = broker.context;
  // What another client has sent may not be writable again; each form has less of it than the one before.
  const forms = [copy, withoutForeignHeaders(copy), withoutForeignProperties(copy)];
  for (let failures = 0; !signal.aborted;) {
    try {
      await broker.ensureKnown(target.queueName, target.options);
      await broker.publisher.publish(target.queueName, body, forms[0] ?? {});
      return true;
    } catch (error) {
      const refusal = refusalOf(error, target, broker);
      if (refusal) throw refusal;
      if (error instanceof UnroutableError) broker.forget(target.queueName);
      if (error instanceof UnwritableError && forms.length > 1) {
        forms.shift();
        log.warn(
          { queue: target.queueName, error: error.message },
          'copy cannot be written whole; leaving out more',
        );
        continue;
      }
      failures++;
      log.warn(
        { queue: target.queueName, failures, error: toError(error).message },
        'copy not confirmed; trying again',
      );
      await sleep(clock, backoffMs(failures), signal);
    }
  }
  return false;
}

function refusalOf(
  error: unknown,
  { queueName }: Target,
  { address }: Broker,
): BrokerRefusedError | undefined {
  if (error instanceof BrokerRefusedError) return error;
  return queueRefusal(error instanceof SendError ? error.cause : error, queueName, address);
}
