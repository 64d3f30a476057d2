// How the attributes of a queue limit a service. Pure. docs/sqs.md has the table of all kinds.
import type { QueueFacts } from './queue.ts';

/** Messages wait for retries and for hosts that are down: a shorter retention loses some of them, in seconds. */
const shortRetentionS = 3600;

/** The limits of a queue, one line each. */
export function limitsOf(queueName: string, facts: QueueFacts, maxAttempts: number): readonly string[] {
  const { redrive, retentionS } = facts;
  const limits: string[] = [];
  if (redrive && redrive.maxReceiveCount < maxAttempts) {
    const { maxReceiveCount } = redrive;
    limits.push(
      `queue "${queueName}" has a redrive policy with maxReceiveCount ${maxReceiveCount}, below ` +
        `RETRY_MAX_ATTEMPTS ${maxAttempts}: SQS moves messages to "${redrive.queueName}" before their last ` +
        `attempt; raise maxReceiveCount, preferably above ${maxAttempts}, since it counts requeued messages too`,
    );
  }
  if (retentionS < shortRetentionS) {
    limits.push(
      `queue "${queueName}" has a MessageRetentionPeriod of ${retentionS} s: SQS deletes messages that are older, ` +
        'also those that wait for a retry',
    );
  }
  return limits;
}
