// What the process that hosts the service under `svchost dev` and dev itself tell each other, and how long an end may take.
import type { QueueNames } from '../../config/queue-name.ts';

/** From the host to dev. */
export type Report =
  /** The code is loaded and the settings are whole: the service can run. */
  | {
      readonly kind: 'loaded';
      /** Undefined on a schedule. */
      readonly queues: QueueNames | undefined;
      readonly shutdownTimeoutMs: number;
    }
  /** The service cannot run; the process ends. */
  | { readonly kind: 'refused'; readonly reasons: readonly string[] }
  /** Files of the service's code, absolute, links resolved: all those imported since the last such report. */
  | { readonly kind: 'files'; readonly files: readonly string[] };

/** How long a process that does not run the service yet may take to end, in milliseconds: it holds no message. */
export const idleEndMs = 2_000;

/** What a drain may take beyond SHUTDOWN_TIMEOUT, in milliseconds: handing back, the processor's `stop`, closing. */
export const drainGraceMs = 10_000;

/** From dev to the host: the service may run now. */
export const go = 'svchost: run';

/** A report in its envelope: the service's own code may use the same channel. */
export function wrap(report: Report): { readonly svchost: Report } {
  return { svchost: report };
}

/** The report in a message; undefined where it is none of ours. */
export function unwrap(message: unknown): Report | undefined {
  if (typeof message !== 'object' || message === null || !('svchost' in message)) return undefined;
  return message.svchost as Report;
}
