// The results that the testing kit gives a test to assert on.
import type { Outcome } from '../messaging/adapter.ts';
import type { DeadReason } from '../messaging/dead-letter.ts';
import type { DeliveryEnded } from '../service/events.ts';
import type { SentMessage } from './queue.ts';

/** How one delivery ended. */
export interface DeliveryResult {
  readonly messageId: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly outcome: 'done' | 'retry' | 'dead' | 'requeue';
  /** Seconds until the next attempt; of a `retry`. */
  readonly delay?: number;
  /** Why the message became a dead letter; of a `dead`. */
  readonly reason?: DeadReason;
  /** `Name: message` of the error; of a `retry` and a `dead`. */
  readonly error?: string;
}

/** A message that failed for good. */
export interface DeadLetter {
  readonly messageId: string;
  /** As it was sent, byte for byte. */
  readonly body: Uint8Array;
  readonly reason: DeadReason;
  /** `Name: message` of the last attempt's error. */
  readonly error: string;
  /** The number of attempts. */
  readonly attempts: number;
}

/** The results of a run of messages. */
export interface TestRun {
  /** Every delivery, in the order in which they ended. */
  readonly deliveries: readonly DeliveryResult[];
  /** The messages that failed for good, in order. */
  readonly deadLetters: readonly DeadLetter[];
  /** The messages that the processor sent, in order. */
  readonly sent: readonly SentMessage[];
}

/** A delivery's record as a test sees it: in seconds, and only the fields that its outcome has. */
export function resultOf({ messageId, attempt, outcome }: DeliveryEnded): DeliveryResult {
  const result = { messageId, attempt, outcome: outcome.kind };
  switch (outcome.kind) {
    case 'retry':
      return { ...result, delay: outcome.delayMs / 1000, error: describe(outcome.error) };
    case 'dead':
      return { ...result, reason: outcome.reason, error: describe(outcome.error) };
    default:
      return result;
  }
}

/** A dead letter as a test sees it. */
export function letterOf(
  { messageId, attempt }: DeliveryEnded,
  { reason, error }: Extract<Outcome, { kind: 'dead' }>,
  body: Uint8Array,
): DeadLetter {
  return { messageId, body, reason, error: describe(error), attempts: attempt };
}

function describe({ name, message }: { readonly name: string; readonly message: string }): string {
  return `${name}: ${message}`;
}
