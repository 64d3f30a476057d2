// EXIT_WHEN_FINISHED: notices when nothing is left to do. For jobs that are started whenever there is work.
import type { Clock } from '../../clock.ts';
import type { ConsumeConfigFile } from '../../config/consume-config.ts';

/** How often to look at the config and the queue, in milliseconds. */
const intervalMs = 1_000;

/** How long the queue must have been empty, in milliseconds. */
const quietMs = 5_000;

/** The facts that the decision to end depends on, and the listeners. */
export interface FinishOptions {
  readonly config: ConsumeConfigFile;
  /** Messages waiting, those for a retry included. */
  readonly countWaiting: () => Promise<number>;
  /** Deliveries in flight now, and accepted so far. */
  readonly work: { readonly size: number; readonly accepted: number };
  readonly clock: Clock;
  /** Called when the messages could not be counted; they are counted again. */
  readonly onCountFailed: (thrown: unknown) => void;
  readonly onFinished: () => void;
}

/**
 * Calls `onFinished` once the config asks for it and there has been nothing to do for five seconds.
 *
 * @returns a function that ends the watch
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
      quietSince = quiet ? (quietSince ?? clock.elapsed()) : undefined;
      if (quietSince !== undefined && clock.elapsed() - quietSince >= quietMs) return onFinished();
      cancel = clock.after(intervalMs, look);
    });
  }

  return () => {
    stopped = true;
    cancel();
  };
}

/** Whether the config asks for the end and nothing waits, is in flight, or has arrived since the last look. */
async function isQuiet(options: FinishOptions, acceptedBefore: number): Promise<boolean> {
  const { config, work, countWaiting, onCountFailed } = options;
  try {
    if (!config.read().exitWhenFinished) return false;
    if (work.size > 0) return false;
    return (await countWaiting()) === 0 && work.size === 0 && work.accepted === acceptedBefore;
  } catch (error) {
    onCountFailed(error);
    return false;
  }
}
