// The policy of each processor of a service: its own variables, those of the service, and the defaults.
import { describe, expect, it } from 'vitest';
import { policyVariables, readPolicy } from '../../src/config/policy.ts';

const surroundings = { serviceDirectory: '/srv', isTerminal: false };
const read = (env: Record<string, string>, concurrency?: number) =>
  readPolicy({ name: 'orders', concurrency }, env, surroundings);

describe('a policy', () => {
  it('is that of the service by default', () => {
    const env = { CONCURRENCY: '7', RETRY_MAX_ATTEMPTS: '2', PROCESS_TIMEOUT: '3' };
    expect(read(env)).toMatchObject({
      policy: { concurrency: 7, retry: { maxAttempts: 2 }, processTimeoutMs: 3000, crashMaxDeliveries: 3 },
      problems: [],
    });
  });

  it("consists of the processor's own variables first", () => {
    const env = {
      CONCURRENCY: '7',
      orders_CONCURRENCY: '2',
      RETRY_MAX_ATTEMPTS: '2',
      orders_RETRY_MAX_ATTEMPTS: '9',
      orders_RETRY_INITIAL_DELAY: '0.5',
      orders_RETRY_FACTOR: '2',
      orders_RETRY_MAX_DELAY: '8',
      orders_PROCESS_TIMEOUT: '4',
      orders_CRASH_MAX_DELIVERIES: '1',
      orders_DEAD_LETTER_QUEUE_NAME: 'lost',
      mail_CONCURRENCY: '5',
    };
    expect(read(env)).toEqual({
      policy: {
        concurrency: 2,
        retry: { maxAttempts: 9, initialDelayMs: 500, factor: 2, maxDelayMs: 8000 },
        crashMaxDeliveries: 1,
        processTimeoutMs: 4000,
        deadLetterQueueName: 'lost',
      },
      problems: [],
    });
  });

  it.each([
    [{}, undefined, 1],
    [{}, 4, 4],
    [{ CONCURRENCY: '2' }, 4, 2],
    [{ RABBITMQ_NUM_THREADS: '3' }, 4, 3],
    [{ orders_CONCURRENCY: '5', CONCURRENCY: '2' }, 4, 5],
  ])('with %j and a default of %s has a concurrency of %d', (env, fallback, expected) => {
    expect(read(env as Record<string, string>, fallback).policy.concurrency).toBe(expected);
  });

  it.each(policyVariables.filter((name) => name !== 'DEAD_LETTER_QUEUE_NAME'))(
    'has the problem of its own %s, and not that of the service',
    (name) => {
      expect(read({ [`orders_${name}`]: 'x', RETRY_FACTOR: 'y' }).problems).toEqual([
        { name: `orders_${name}`, expected: expect.any(String) as string, found: '"x"' },
      ]);
    },
  );
});
