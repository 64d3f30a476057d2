// Decides the outcome of a delivery. Pure.
import type { RetryPolicy } from '../../config/settings.ts';
import type { Outcome } from '../../messaging/adapter.ts';
import { CutOffError, failureOf, reasonOf } from './failure.ts';
import { retryDelayMs } from './retry.ts';

/**
 * The outcome of a delivery whose `process` succeeded.
 *
 * @param result the value that `process` returned or resolved with
 */
export function done(result: unknown): Outcome {
  return { kind: 'done', result };
}

/** The outcome of a delivery that a drain stopped, before it started or while it ran. */
export const requeue: Outcome = { kind: 'requeue' };

/** The outcome of a delivery whose attempt number `attempt` ended with `error`. */
export function outcomeOfError(error: unknown, attempt: number, policy: RetryPolicy): Outcome {
  if (error instanceof CutOffError) return requeue;
  const { reason, isFinal } = reasonOf(error);
  const failure = failureOf(error);
  if (isFinal || attempt >= policy.maxAttempts) return { kind: 'dead', reason, error: failure };
  return { kind: 'retry', delayMs: retryDelayMs(policy, attempt), error: failure };
}
