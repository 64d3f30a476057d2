// The queues that a connection knows: how often the broker is asked.
import { expect, it, vi } from 'vitest';
import { KnownQueues } from '../../src/messaging/known-queue.ts';

it('asks once for each queue, even for callers that wait at the same time', async () => {
  const queues = new KnownQueues<string>();
  const ask = vi.fn(() => Promise.resolve('exists'));
  expect(await Promise.all([queues.ask('a', ask), queues.ask('a', ask), queues.ask('b', ask)])).toEqual([
    'exists',
    'exists',
    'exists',
  ]);
  expect(await queues.ask('a', ask)).toBe('exists');
  expect(ask).toHaveBeenCalledTimes(2);
});

it('asks again after a failure, and after the queue was forgotten', async () => {
  const queues = new KnownQueues<number>();
  await expect(queues.ask('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(await queues.ask('a', () => Promise.resolve(1))).toBe(1);
  queues.forget('a');
  expect(await queues.ask('a', () => Promise.resolve(2))).toBe(2);
});
