// Losses in a row of what opens again and again.
import { expect, it } from 'vitest';
import { LossStreak } from '../../src/messaging/streak.ts';

it('counts losses that come within ten seconds of opening, and starts again after one that lasted', () => {
  const streak = new LossStreak();
  const lostAfter = (ms: number): number => {
    streak.opened(1_000_000);
    return streak.lost(1_000_000 + ms);
  };
  expect([0, 9_999, 5, 10_000, 1].map(lostAfter)).toEqual([1, 2, 3, 1, 2]);
  expect(streak.losses).toBe(2);
});
