// EXIT_WHEN_FINISHED: notices that a queue has been worked off. For jobs that are started when there is work.
import type { Clock } from '../../clock.ts';
import type { ConsumeConfigFile } from '../../config/consume-config.ts';
import { toError } from '../../errors.ts';
import type { Logger } from '../../log.ts';

/** How often the config and the queue are looked at, in milliseconds. */
const intervalMs = 1_000;

/** How long the queue must have been empty, in milliseconds. */
const quietMs = 5_000;

export interface FinishOptions {
  readonly config: ConsumeConfigFile;
  /** Messages waiting, those for a retry included. */
  readonly countWaiting: () => Promise<number>;
  /** Deliveries in work now, and accepted so far. */
  readonly work: { readonly size: number; readonly accepted: number };
  readonly clock: Clock;
  readonly log: Logger;
  readonly onFinished: () => void;
}

/**
 * Calls `onFinished` once the config asks for it and there has been nothing to do for five seconds.
 *
 * @returns a function that stops the watch
 */
export function watchForFinish(options: FinishOptions): () => void {
  const { clock, work, onFinished } = options;
  let quietSince: number | undefined;
  let accepted = work.accepted;
  let cancel = clock.after(intervalMs, look);
  let stopped = false;

  function look(): void {
    void isQuiet(options, accepted).then((quiet) => {
      if (stopped) return;
      accepted = work.accepted;
      quietSince = quiet ? (quietSince ?? clock.now()) : undefined;
      if (quietSince !== undefined && clock.now() - quietSince >= quietMs) return onFinished();
      cancel = clock.after(intervalMs, look);
    });
  }

  return () => {
    stopped = true;
    cancel();
  };
}

/** Whether the config asks for the end and nothing waits, is in work, or has come since the last look. */
async function isQuiet(options: FinishOptions, acceptedBefore: number): Promise<boolean> {
  const { config, work, countWaiting, log } = options;
  try {
    if (!config.read().exitWhenFinished) return false;
    if (work.size > 0) return false;
    return (await countWaiting()) === 0 && work.size === 0 && work.accepted === acceptedBefore;
  } catch (error) {
    log.debug({ error: toError(error).message }, 'cannot tell whether the queue is worked off');
    return false;
  }
}
