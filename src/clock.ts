// Time as a thing that is passed in: the system's, or one that a test moves by hand.

/** A source of time and timers. All instants and durations are milliseconds. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `fn` once, `delayMs` from now. Returns a function that cancels it, and may be called at any time. */
  after(delayMs: number, fn: () => void): () => void;
}

/** `setTimeout` fires at once for a longer delay than this (nodejs/node#4541). */
const longestTimerMs = 2 ** 31 - 1;

/** The machine's clock. Its timers keep the process alive, and may be of any length. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, fn) {
    let timer = arm(delayMs);
    function arm(restMs: number): NodeJS.Timeout {
      if (restMs <= longestTimerMs) return setTimeout(fn, Math.max(0, restMs));
      return setTimeout(() => (timer = arm(restMs - longestTimerMs)), longestTimerMs);
    }
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or at once when `signal` is or gets aborted; never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const wake = () => {
      cancel();
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const cancel = clock.after(delayMs, wake);
    signal?.addEventListener('abort', wake, { once: true });
  });
}

/**
 * Waits for `work`, but no longer than `limitMs`. Rejects as `work` does; a failure after the limit is swallowed.
 *
 * @returns `late` if the limit came first
 */
export async function within(
  clock: Clock,
  limitMs: number,
  work: Promise<unknown>,
): Promise<'done' | 'late'> {
  const expired = Promise.withResolvers<'late'>();
  const cancel = clock.after(limitMs, () => expired.resolve('late'));
  try {
    return await Promise.race([work.then(() => 'done' as const), expired.promise]);
  } finally {
    cancel();
    work.catch(() => undefined);
  }
}
