// The messages between `svchost dev` and the process that hosts the service, and the time that this process has to end.
import type { QueueNames } from '../../config/queue-name.ts';

/** The queues of one processor. */
export interface ProcessorQueues extends QueueNames {
  readonly type: string;
}

/** From the host to dev. */
export type Report =
  /** The code has loaded and the settings have no problems: the service can run. */
  | {
      readonly kind: 'loaded';
      /** Empty on a schedule. */
      readonly queues: readonly ProcessorQueues[];
      readonly shutdownTimeoutMs: number;
    }
  /** The service cannot run; the process ends. */
  | { readonly kind: 'refused'; readonly reasons: readonly string[] }
  /** Files of the service's code, absolute, links resolved: all that were imported since the last such report. */
  | { readonly kind: 'files'; readonly files: readonly string[] };

/** How long a process that does not run the service yet may take to end, in milliseconds: it holds no message. */
export const idleEndMs = 2_000;

/**
 * How long a drain may take beyond SHUTDOWN_TIMEOUT, in milliseconds: to requeue, run the processor's `stop`, close.
 */
export const drainGraceMs = 10_000;

/** From dev to the host: the service may run now. */
export const go = 'svchost: run';

/** A report in its envelope: the service's own code may use the same channel. */
export function wrap(report: Report): { readonly svchost: Report } {
  return { svchost: report };
}

/** The report in a message; undefined for a message of the service's own code. */
export function unwrap(message: unknown): Report | undefined {
  if (typeof message !== 'object' || message === null || !('svchost' in message)) return undefined;
  return message.svchost as Report;
}
