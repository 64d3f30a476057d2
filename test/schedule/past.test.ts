// Occurrences in the past, counted and found with a schedule that only looks ahead.
import { describe, expect, it } from 'vitest';
import { IntervalSchedule } from '../../src/schedule/interval.ts';
import { countBetween, latestUntil } from '../../src/schedule/past.ts';

const start = new Date('2026-01-01T00:00:00Z');
const epoch = start.getTime();
const everySecond = new IntervalSchedule({ amount: 1, unit: 'seconds', start, timezone: 'UTC' });
const week = 7 * 24 * 3600;

describe('the latest occurrence', () => {
  it.for<[dueS: number, untilS: number, latestS: number]>([
    [1, 1, 1],
    [1, 1.999, 1],
    [1, 2, 2],
    [1, 10.5, 10],
    [1, week, week],
    [5, week + 0.5, week],
  ])('from %d s until %d s is at %d s', ([due, until, latest]) => {
    expect(latestUntil(everySecond, epoch + due * 1000, epoch + until * 1000)).toBe(epoch + latest * 1000);
  });
});

describe('the number of occurrences', () => {
  it.for<[fromS: number, untilS: number, limit: number, count: number]>([
    [0, 0, 100, 0],
    [0, 0.999, 100, 0],
    [0, 1, 100, 1],
    [0.5, 3.5, 100, 3],
    [1, 3, 100, 2],
    [3, 1, 100, 0],
    [0, week, 100, 100],
  ])('after %d s and until %d s, at most %d, is %d', ([from, until, limit, count]) => {
    expect(countBetween(everySecond, epoch + from * 1000, epoch + until * 1000, limit)).toBe(count);
  });

  it('ends with the calendar', () => {
    const last = 8.64e15;
    expect(countBetween(everySecond, last - 2500, last + 10_000, 100)).toBe(3);
  });
});
