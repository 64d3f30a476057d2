// The work in flight of a service, as its end sees it: the same for deliveries and for runs on a schedule.
import type { Run } from './delivery/run.ts';

/** Work that has begun and not ended. */
export interface InFlight {
  /** The number of deliveries or runs, including those that wait for their turn. */
  readonly size: number;
  /** Starts nothing from now on, and requeues deliveries that have not started. Idempotent. */
  drain(): void;
  /** Resolves when nothing is in flight any more. */
  idle(): Promise<void>;
  /**
   * Aborts all that is in flight; deliveries are requeued.
   *
   * @param culprit the one run that is not requeued but counts as failed: it brought the process down
   * @returns how many were aborted, without the culprit; resolves when each is settled
   */
  cutOff(culprit?: Run, cause?: unknown): Promise<number>;
}

/** Several kinds of work, with one end. */
export function together(parts: readonly InFlight[]): InFlight {
  return {
    get size() {
      return parts.reduce((sum, { size }) => sum + size, 0);
    },
    drain: () => parts.forEach((part) => part.drain()),
    idle: async () => {
      await Promise.all(parts.map((part) => part.idle()));
    },
    cutOff: async (culprit, cause) => {
      const counts = await Promise.all(parts.map((part) => part.cutOff(culprit, cause)));
      return counts.reduce((sum, count) => sum + count, 0);
    },
  };
}
