// One run of process: its time limit and its interruptions, on a test clock.
import { describe, expect, it } from 'vitest';
import { DeadLetterError } from '../../../src/errors.ts';
import { CrashError, CutOffError, ProcessTimeoutError } from '../../../src/service/delivery/failure.ts';
import { currentRun, Run } from '../../../src/service/delivery/run.ts';
import { quiet, TestClock } from '../../../src/testing/clock.ts';
import { deferred, never } from '../hosted.ts';

/** Starts a run; reports how it ended, or that it has not. */
function start(work: (signal: AbortSignal) => unknown, timeoutMs: number | undefined = 1000) {
  const clock = new TestClock();
  const run = new Run();
  let end: unknown = 'not ended';
  run
    .execute(() => work(run.signal), clock, timeoutMs)
    .then(
      () => (end = 'done'),
      (error: unknown) => (end = error),
    );
  return {
    clock,
    run,
    end: async () => {
      await quiet();
      return end;
    },
  };
}

describe('work', () => {
  it.for<[string, () => unknown]>([
    ['returns', () => 1],
    ['resolves', () => Promise.resolve(1)],
    ['returns a thenable that resolves', () => ({ then: (resolve: () => void) => resolve() })],
    ['returns an object whose then is not a function', () => ({ then: 1 })],
  ])('that %s is done', async ([, work]) => {
    const { run, clock, end } = start(work);
    expect(await end()).toBe('done');
    expect(run.signal.aborted).toBe(false);
    expect(clock.waits).toEqual([]);
  });

  const error = new Error('no');

  it.for<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw error;
      },
    ],
    ['rejects', () => Promise.reject(error)],
    [
      'returns a thenable that rejects',
      () => ({ then: (_: unknown, reject: (e: Error) => void) => reject(error) }),
    ],
    [
      'returns a thenable that throws',
      () => ({
        then: () => {
          throw error;
        },
      }),
    ],
  ])('that %s fails with its own error', async ([, work]) => {
    const { clock, end } = start(work);
    expect(await end()).toBe(error);
    expect(clock.waits).toEqual([]);
  });

  it('without a limit may take for ever', async () => {
    const clock = new TestClock();
    const run = new Run();
    const work = deferred();
    const running = run.execute(() => work.promise, clock, undefined);
    await clock.advance(1e12);
    expect(run.signal.aborted).toBe(false);
    work.resolve();
    await running;
  });
});

describe('at the time limit', () => {
  it('the signal is aborted with the reason, not a moment before', async () => {
    const { clock, run } = start(() => never);
    await clock.advance(999);
    expect(run.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(run.signal.reason).toBeInstanceOf(ProcessTimeoutError);
  });

  it('work that respects the signal has timed out, whatever it throws', async () => {
    const { clock, end } = start(
      (signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('ok')))),
    );
    await clock.advance(1000);
    expect(await end()).toBeInstanceOf(ProcessTimeoutError);
    expect(clock.waits).toEqual([]);
  });

  it('work that gives up on its message for good has the last word', async () => {
    const rejection = new DeadLetterError('half of it is done');
    const { clock, end } = start(
      (signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(rejection))),
    );
    await clock.advance(1000);
    expect(await end()).toBe(rejection);
  });

  it('work that succeeds within the grace period is done', async () => {
    const work = deferred();
    const { clock, end } = start(() => work.promise);
    await clock.advance(1000 + 999);
    expect(await end()).toBe('not ended');
    work.resolve();
    expect(await end()).toBe('done');
    expect(clock.waits).toEqual([]);
  });

  it('work that ignores it is abandoned after a second of grace, and its later end changes nothing', async () => {
    for (const late of ['resolves', 'rejects']) {
      const work = deferred();
      const { clock, end } = start(() => work.promise);
      await clock.advance(1000 + 999);
      expect(await end()).toBe('not ended');
      await clock.advance(1);
      expect(await end()).toBeInstanceOf(ProcessTimeoutError);
      if (late === 'resolves') work.resolve();
      // An unhandled rejection would fail this test.
      else work.reject(new Error('too late'));
      expect(await end()).toBeInstanceOf(ProcessTimeoutError);
    }
  });

  it('a thenable that never settles is abandoned as well', async () => {
    const { clock, end } = start(() => ({ then: () => undefined }));
    await clock.advance(2000);
    expect(await end()).toBeInstanceOf(ProcessTimeoutError);
  });
});

describe('a run that is ended from outside', () => {
  it('by the end of the drain is cut off, at once, with its signal aborted', async () => {
    const { run, clock, end } = start(() => never);
    run.cutOff();
    expect(run.signal.reason).toBeInstanceOf(CutOffError);
    expect(await end()).toBeInstanceOf(CutOffError);
    expect(clock.waits).toEqual([]);
  });

  it('is cut off even if it would fail because of that', async () => {
    const { run, end } = start(
      (signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('ok')))),
    );
    run.cutOff();
    expect(await end()).toBeInstanceOf(CutOffError);
  });

  it('is cut off, not timed out, during the grace period after its time limit', async () => {
    const { run, clock, end } = start(() => never);
    await clock.advance(1500);
    run.cutOff();
    expect(await end()).toBeInstanceOf(CutOffError);
    expect(clock.waits).toEqual([]);
  });

  it('by an uncaught error has crashed', async () => {
    const { run, end } = start(() => never);
    run.crash(new RangeError('no'));
    expect(await end()).toBeInstanceOf(CrashError);
    expect(await end()).toMatchObject({ message: 'uncaught RangeError: no' });
    expect(run.signal.aborted).toBe(true);
  });

  it('before its work began does no work', async () => {
    const run = new Run();
    run.cutOff();
    await expect(run.execute(() => never, new TestClock(), 1000)).rejects.toBeInstanceOf(CutOffError);
  });

  it('after its work has ended keeps its result', async () => {
    const { run, end } = start(() => undefined);
    expect(await end()).toBe('done');
    run.cutOff();
    run.crash(new Error('no'));
    expect(await end()).toBe('done');
  });
});

describe('the current run', () => {
  it('is known to all code that the work starts, and to the listeners of its signal', async () => {
    const seen: unknown[] = [];
    const { run, clock, end } = start(async (signal) => {
      seen.push(currentRun.getStore());
      signal.addEventListener('abort', () => seen.push(currentRun.getStore()));
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(currentRun.getStore());
      return never;
    });
    await quiet();
    await clock.advance(2000);
    expect(await end()).toBeInstanceOf(ProcessTimeoutError);
    expect(seen).toEqual([run, run, run]);
    expect(currentRun.getStore()).toBeUndefined();
  });
});
