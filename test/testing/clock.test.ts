// The clock of the testing kit: when it calls timers, and how it waits between them.
import { describe, expect, it } from 'vitest';
import { quiet, TestClock } from '../../src/testing/clock.ts';

/** A clock, and a record of each timer that it called: its name and the milliseconds that had passed. */
function start() {
  const clock = new TestClock();
  const startedAt = clock.now();
  const called: string[] = [];
  const set = (name: string, delayMs: number) =>
    clock.after(delayMs, () => called.push(`${name} ${clock.now() - startedAt}`));
  return { clock, startedAt, called, set };
}

/** Resolves after that many turns of the event loop, each of which starts the next. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('a test clock', () => {
  it('shows the time that it was set to, and stands still', async () => {
    const clock = new TestClock(new Date(7));
    await turns(3);
    expect(clock.now()).toBe(7);
  });

  it('calls timers in order, each at its time, up to and including the end', async () => {
    const { clock, startedAt, called, set } = start();
    set('late', 20);
    set('early', 10);
    set('later than that', 21);
    set('overdue', -5);
    expect(clock.waits).toEqual([0, 10, 20, 21]);
    await clock.advance(20);
    expect(called).toEqual(['overdue 0', 'early 10', 'late 20']);
    expect(clock.now() - startedAt).toBe(20);
    expect(clock.waits).toEqual([1]);
  });

  it('calls no timer that was cancelled, not even by another of the same instant', async () => {
    const { clock, called, set } = start();
    const cancel = set('cancelled', 1);
    clock.after(2, () => cancelSecond());
    const cancelSecond = set('cancelled by the first', 2);
    cancel();
    await clock.advance(5);
    expect(called).toEqual([]);
  });

  it('finishes the work that a timer starts before it moves on, however many turns that takes', async () => {
    const { clock, called, set } = start();
    clock.after(10, () => void turns(200).then(() => set('second', 10)));
    await clock.advance(15);
    expect(clock.waits).toEqual([5]);
    await clock.advance(5);
    expect(called).toEqual(['second 20']);
  });

  it('finishes work that was started before it was moved', async () => {
    const { clock, called, set } = start();
    void turns(200).then(() => set('first', 0));
    await clock.advance(10);
    expect(called).toEqual(['first 0']);
  });

  it('moves on even if the event loop never falls quiet', async () => {
    const { clock, called, set } = start();
    set('limit', 10);
    let polls = 0;
    const poll = (): void => {
      polls++;
      if (called.length === 0) setImmediate(poll);
    };
    poll();
    await clock.advance(10);
    expect(called).toEqual(['limit 10']);
    expect(polls).toBeGreaterThan(1);
  });

  it('that is blocked calls overdue timers only when it is moved again', async () => {
    const { clock, called, set } = start();
    set('overdue', 10);
    clock.block(50);
    await quiet();
    expect(called).toEqual([]);
    expect(clock.waits).toEqual([-40]);
    await clock.advance(0);
    expect(called).toEqual(['overdue 50']);
  });

  it('that is stepped moves no timer', async () => {
    const { clock, startedAt, set } = start();
    set('timer', 10);
    clock.step(3_600_000);
    expect(clock.now() - startedAt).toBe(3_600_000);
    clock.step(-7_200_000);
    expect(clock.now() - startedAt).toBe(-3_600_000);
    expect(clock.waits).toEqual([10]);
    await clock.advance(10);
    expect(clock.waits).toEqual([]);
  });
});
