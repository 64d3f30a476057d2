// When a failed message is retried, as tables.
import { describe, expect, it } from 'vitest';
import type { RetryPolicy } from '../../../src/config/settings.ts';
import { retryDelayMs, retryDelaysMs } from '../../../src/service/delivery/retry.ts';

const standard: RetryPolicy = { maxAttempts: 5, initialDelayMs: 1000, factor: 5, maxDelayMs: 300_000 };

describe('the delay after a failed attempt', () => {
  it.for<[string, RetryPolicy, number[]]>([
    ['grows by the factor, up to the longest', standard, [1000, 5000, 25_000, 125_000, 300_000, 300_000]],
    ['stays the same at a factor of 1', { ...standard, factor: 1 }, [1000, 1000, 1000]],
    ['is never longer than the longest, not even the first', { ...standard, maxDelayMs: 400 }, [400, 400]],
    ['can be zero', { ...standard, initialDelayMs: 0 }, [0, 0, 0]],
    [
      'is a whole number of milliseconds, as brokers require',
      { ...standard, initialDelayMs: 100, factor: 1.15 },
      [100, 115, 132, 152],
    ],
    ['of less than a millisecond is rounded', { ...standard, initialDelayMs: 0.4 }, [0, 2, 10]],
  ])('%s', ([, policy, delays]) => {
    expect(delays.map((_, index) => retryDelayMs(policy, index + 1))).toEqual(delays);
  });

  it('is the longest if the power overflows', () => {
    expect(retryDelayMs({ ...standard, factor: 1e300 }, 1000)).toBe(300_000);
  });

  it('is a number even for zero times infinity', () => {
    expect(retryDelayMs({ ...standard, initialDelayMs: 0, factor: 1e300 }, 1000)).toBe(0);
  });
});

describe('all delays of a policy', () => {
  it.for<[string, RetryPolicy, number[]]>([
    ['are one less than its attempts', standard, [1000, 5000, 25_000, 125_000]],
    ['are none for one attempt', { ...standard, maxAttempts: 1 }, []],
    ['name each delay once', { ...standard, maxAttempts: 1000 }, [1000, 5000, 25_000, 125_000, 300_000]],
  ])('%s', ([, policy, delays]) => {
    expect(retryDelaysMs(policy)).toEqual(delays);
  });
});
