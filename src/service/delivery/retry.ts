// When a failed message is tried again. Pure.
import type { RetryPolicy } from '../../config/settings.ts';

/** The pause after attempt number `attempt` failed, in whole milliseconds: initial x factor^n, up to the longest. */
export function retryDelayMs({ initialDelayMs, factor, maxDelayMs }: RetryPolicy, attempt: number): number {
  // Bounded, since an infinite power times a delay of 0 would be NaN.
  const growth = Math.min(Number.MAX_VALUE, factor ** (attempt - 1));
  return Math.round(Math.min(maxDelayMs, initialDelayMs * growth));
}

/** Every pause that the policy can lead to, each once, in milliseconds: a broker may need one queue per pause. */
export function retryDelaysMs(policy: RetryPolicy): readonly number[] {
  const attempts = Array.from({ length: policy.maxAttempts - 1 }, (_, index) => index + 1);
  return [...new Set(attempts.map((attempt) => retryDelayMs(policy, attempt)))];
}
