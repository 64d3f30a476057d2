// Time as an argument: the machine's clocks, or one that a test moves.

/** A source of the time and of timers. All instants and durations are in milliseconds. */
export interface Clock {
  /**
   * The current time, in milliseconds since the epoch: for instants that people or other processes read. It may be set
   * forward or back at any moment.
   */
  now(): number;
  /**
   * The milliseconds since some fixed moment, by a clock that nobody sets: for all durations and deadlines within this
   * process. It stands still while the machine sleeps.
   */
  elapsed(): number;
  /**
   * Calls `fn` once, `delayMs` from now; a negative delay counts as 0.
   *
   * @returns a function that cancels the call; it may be called at any time, and more than once
   */
  after(delayMs: number, fn: () => void): () => void;
}

/** `setTimeout` fires immediately for any longer delay (nodejs/node#4541). */
const longestTimerMs = 2 ** 31 - 1;

/** The machine's clock. Its timers keep the process alive and may be of any length. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(delayMs, fn) {
    let timer = arm(delayMs);
    function arm(restMs: number): NodeJS.Timeout {
      if (restMs <= longestTimerMs) return setTimeout(fn, Math.max(0, restMs));
      return setTimeout(() => (timer = arm(restMs - longestTimerMs)), longestTimerMs);
    }
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or as soon as `signal` is aborted; never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  const { promise, resolve }: PromiseWithResolvers<void> = Promise.withResolvers();
  const wake = (): void => {
    cancel();
    signal?.removeEventListener('abort', wake);
    resolve();
  };
  const cancel = clock.after(delayMs, wake);
  signal?.addEventListener('abort', wake, { once: true });
  return promise;
}

/**
 * Waits for `work`, but no longer than `limitMs`.
 *
 * @returns `done` if `work` resolved in time, else `late`; a later failure of `work` is ignored
 * @throws the error of `work`, if it fails in time
 */
export async function within(
  clock: Clock,
  limitMs: number,
  work: Promise<unknown>,
): Promise<'done' | 'late'> {
  const { promise: expired, resolve: expire } = Promise.withResolvers<'late'>();
  const cancel = clock.after(limitMs, () => expire('late'));
  try {
    return await Promise.race([work.then(() => 'done' as const), expired]);
  } finally {
    cancel();
  }
}
