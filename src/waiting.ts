// Says what is being waited for, so that nobody waits in silence: on standard error, after a second and then less and less
// often.
import { escapeControls } from './escape.ts';

/** When the first line comes, in milliseconds; each further one after twice the time, up to the longest. */
const firstMs = 1_000;
const longestMs = 60_000;

/**
 * Announces a wait until it is over. Does not keep the process alive.
 *
 * @param what what is waited for, as in `waiting for …`; asked each time, since the reason may change
 * @returns a function that ends the announcements
 */
export function announce(
  what: () => string,
  write: (line: string) => void = (line) => console.error(line),
): () => void {
  const startedAt = performance.now();
  let pauseMs = firstMs;
  let timer = arm();
  function arm(): NodeJS.Timeout {
    const armed = setTimeout(() => {
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      write(`svchost: waiting for ${escapeControls(what())} (${seconds} s)`);
      pauseMs = Math.min(longestMs, pauseMs * 2);
      timer = arm();
    }, pauseMs);
    return armed.unref();
  }
  return () => clearTimeout(timer);
}

/** Awaits `work`, and announces the wait. */
export async function announced<T>(what: string | (() => string), work: Promise<T>): Promise<T> {
  const end = announce(typeof what === 'string' ? () => what : what);
  try {
    return await work;
  } finally {
    end();
  }
}
