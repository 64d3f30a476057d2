// The pause before the next try, as a table.
import { expect, it } from 'vitest';
import { backoffMs } from '../../src/messaging/backoff.ts';

it.for([
  [0, 100],
  [1, 100],
  [2, 200],
  [3, 400],
  [9, 25_600],
  [10, 30_000],
  [1_000_000, 30_000],
])('after %i failures is about %i ms', ([failures, expected]) => {
  expect(backoffMs(failures!, () => 0.5)).toBe(expected);
});

it('varies by up to a tenth in both directions', () => {
  expect([0, 1].map((random) => backoffMs(1, () => random))).toEqual([90, 110]);
});
