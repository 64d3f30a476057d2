// How polls and leases are timed just now: an operator may change it while we run. Owns who has the say.
import type { Pace } from '../adapter.ts';
import { longestPollS, type SqsOptions } from './options.ts';

/** The timing that counts. */
export interface SqsPace {
  readonly visibilityTimeoutS: number;
  readonly listenIntervalS: number;
}

/**
 * The timing of one consumer: what is asked for now, else the connection's options, else the queue's own timeout and
 * the longest poll.
 *
 * @param onChange told what counts from now on, where it is not what counted before
 */
export function paceOf(
  asked: (() => Pace) | undefined,
  options: SqsOptions,
  queueTimeoutS: number,
  onChange: (pace: SqsPace) => void,
): () => SqsPace {
  let last: SqsPace | undefined;
  return () => {
    const now = asked?.();
    const visibilityTimeoutS = now?.visibilityTimeoutS ?? options.visibilityTimeoutS ?? queueTimeoutS;
    const listenIntervalS = now?.listenIntervalS ?? options.listenIntervalS ?? longestPollS;
    if (visibilityTimeoutS === last?.visibilityTimeoutS && listenIntervalS === last.listenIntervalS)
      return last;
    const pace = { visibilityTimeoutS, listenIntervalS };
    if (last) onChange(pace);
    last = pace;
    return pace;
  };
}
