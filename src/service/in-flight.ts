// The work in flight of a service, as its shutdown sees it: deliveries, or runs on a schedule.
import type { Run } from './delivery/run.ts';

/** One delivery or run in flight, without its content. */
export type InFlightFact =
  | { readonly queue: string; readonly messageId: string; readonly attempt: number }
  | { readonly scheduledFor: Date };

/** Work that has begun and not ended. */
export interface InFlight {
  /** The number of deliveries or runs, including those that wait for their turn. */
  readonly size: number;
  /** What is in flight, for people: `queue` and `messageId`, or `scheduledFor`. */
  list(): readonly InFlightFact[];
  /** Starts nothing from now on, and requeues deliveries that have not started. Idempotent. */
  drain(): void;
  /** Resolves once nothing is in flight. */
  idle(): Promise<void>;
  /**
   * Aborts all that is in flight; deliveries are requeued.
   *
   * @param culprit the run that caused a crash: it counts as failed instead of being requeued
   * @returns how many were aborted, not counting the culprit; resolves when all are settled
   */
  cutOff(culprit?: Run, cause?: unknown): Promise<number>;
}

/** Combines several kinds of work in flight into one. */
export function together(parts: readonly InFlight[]): InFlight {
  return {
    get size() {
      return parts.reduce((sum, { size }) => sum + size, 0);
    },
    list: () => parts.flatMap((part) => part.list()),
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
