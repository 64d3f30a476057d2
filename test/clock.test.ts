// Sleeping and waiting by a clock, and the machine's clock itself.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sleep, systemClock, within } from '../src/clock.ts';
import { quiet, TestClock } from '../src/testing/clock.ts';

/** The state of a promise: `pending`, or the value or error that it settled with. */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  let state: unknown = 'pending';
  const note = (end: unknown): void => void (state = end);
  promise.then(note, note);
  await quiet();
  return state;
}

describe('sleep', () => {
  it('lasts as long as requested, and not a millisecond less', async () => {
    const clock = new TestClock();
    const slept = sleep(clock, 100).then(() => 'awake');
    await clock.advance(99);
    expect(await stateOf(slept)).toBe('pending');
    await clock.advance(1);
    expect(await stateOf(slept)).toBe('awake');
  });

  it('ends at once when its signal is aborted, and leaves no timer and no listener', async () => {
    const clock = new TestClock();
    const abort = new AbortController();
    const remove = vi.spyOn(abort.signal, 'removeEventListener');
    const slept = sleep(clock, 100, abort.signal).then(() => 'awake');
    expect(await stateOf(slept)).toBe('pending');
    abort.abort(new Error('never seen'));
    expect(await stateOf(slept)).toBe('awake');
    expect(clock.waits).toEqual([]);
    expect(remove).toHaveBeenCalledTimes(1);
  });

  it('takes no time if its signal is already aborted', async () => {
    const clock = new TestClock();
    expect(await stateOf(sleep(clock, 100, AbortSignal.abort()))).toBeUndefined();
    expect(clock.waits).toEqual([]);
  });

  it('leaves no listener on a signal that outlives it', async () => {
    const clock = new TestClock();
    const { signal } = new AbortController();
    const [add, remove] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')];
    void sleep(clock, 100, signal);
    await clock.advance(100);
    expect(add).toHaveBeenCalledTimes(1);
    expect(remove.mock.calls).toEqual([add.mock.calls[0]!.slice(0, 2)]);
  });
});

describe('within', () => {
  it.for<[string, () => Promise<unknown>]>([
    ['nothing', () => Promise.resolve()],
    ['the value that means too late', () => Promise.resolve('late')],
  ])('is done if the work resolves in time, with %s', async ([, work]) => {
    const clock = new TestClock();
    expect(await stateOf(within(clock, 100, work()))).toBe('done');
    expect(clock.waits).toEqual([]);
  });

  it('is done if the work resolves at the last moment', async () => {
    const clock = new TestClock();
    const work: PromiseWithResolvers<void> = Promise.withResolvers();
    const waiting = within(clock, 100, work.promise);
    await clock.advance(99);
    expect(await stateOf(waiting)).toBe('pending');
    work.resolve();
    expect(await stateOf(waiting)).toBe('done');
  });

  it('rejects if the work does', async () => {
    const clock = new TestClock();
    const error = new RangeError('no');
    await expect(within(clock, 100, Promise.reject(error))).rejects.toBe(error);
    expect(clock.waits).toEqual([]);
  });

  it.for(['resolves', 'rejects'])(
    'is late at the limit, whatever happens later: the work %s',
    async (end) => {
      const clock = new TestClock();
      const work: PromiseWithResolvers<void> = Promise.withResolvers();
      const waiting = within(clock, 100, work.promise);
      await clock.advance(100);
      expect(await stateOf(waiting)).toBe('late');
      if (end === 'resolves') work.resolve();
      // An unhandled rejection would fail this test.
      else work.reject(new Error('too late'));
      expect(await stateOf(waiting)).toBe('late');
    },
  );
});

describe("the machine's clock", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const day = 86_400_000;

  it("shows the machine's time", () => {
    vi.setSystemTime(12_345);
    expect(systemClock.now()).toBe(12_345);
  });

  it.for([
    ['a negative delay', -1, 0],
    ['no delay', 0, 0],
    ['a second', 1000, 1000],
    ['the longest that setTimeout can wait', 2 ** 31 - 1, 2 ** 31 - 1],
    ['one millisecond more', 2 ** 31, 2 ** 31],
    ['a quarter of a year', 90 * day, 90 * day],
  ] as const)('calls once after %s', ([, delayMs, expectedMs]) => {
    const fn = vi.fn();
    systemClock.after(delayMs, fn);
    expect(fn).not.toHaveBeenCalled();
    if (expectedMs > 0) vi.advanceTimersByTime(expectedMs - 1);
    expect(fn).not.toHaveBeenCalled();
    vi.advanceTimersByTime(Math.min(1, expectedMs));
    expect(fn).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(90 * day);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.for([0, 30, 60, 89])('cancels a timer of a quarter of a year on day %d of it', (days) => {
    const fn = vi.fn();
    const cancel = systemClock.after(90 * day, fn);
    vi.advanceTimersByTime(days * day);
    cancel();
    cancel();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(90 * day);
    expect(fn).not.toHaveBeenCalled();
  });
});
