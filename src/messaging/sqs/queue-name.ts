// Queue names on their way to SQS: checked before any call. The rules are in config/sqs-queue-name.ts.
import { isFifoName, nameFault, wireName } from '../../config/sqs-queue-name.ts';
import { BrokerRefusedError } from '../../errors.ts';

export { isFifoName, wireName };

/**
 * The name as SQS takes it.
 *
 * @throws BrokerRefusedError SQS forbids it
 */
export function checkedName(queueName: string): string {
  const name = wireName(queueName);
  const allowed = nameFault(name);
  if (allowed === undefined) return name;
  throw new BrokerRefusedError(`SQS cannot have a queue "${name}": it takes ${allowed}; choose another name`);
}

/** The dead-letter queue of a queue: FIFO where the queue is, as SQS wants it of redrive targets. */
export function deadLetterName(deadLetterQueueName: string, queueName: string): string {
  const name = wireName(deadLetterQueueName);
  return isFifoName(queueName) && !isFifoName(name) ? `${name}.fifo` : name;
}
