// SQS's rules for queue names. Pure.

const fifoSuffix = '.fifo';

/** SQS developer guide, "Quotas": 80 characters, `.fifo` included. */
const longestName = 80;

export function isFifoName(queueName: string): boolean {
  return queueName.endsWith(fifoSuffix);
}

/**
 * The name as SQS takes it: what svchost puts behind a name goes before `.fifo`, so `orders.fifo_dead` is
 * `orders_dead.fifo`.
 */
export function wireName(queueName: string): string {
  return queueName.replace(/^(.+)\.fifo(_[\w-]+)$/, `$1$2${fifoSuffix}`);
}

/** What SQS allows of a name, for people, where it would refuse this one; undefined where it would not. */
export function nameFault(queueName: string): string | undefined {
  const stem = isFifoName(queueName) ? queueName.slice(0, -fifoSuffix.length) : queueName;
  if (queueName.length <= longestName && /^[A-Za-z0-9_-]+$/.test(stem)) return undefined;
  return (
    `a queue name of at most ${longestName} letters, digits, "_" and "-", with ".fifo" at the end ` +
    'where it is a FIFO queue'
  );
}
