// Everything that a running service reports, as typed events. Log lines are written by one listener; metrics, traces
// and probes can be others. The service knows none of them.
import type { ExitCode } from '../errors.ts';
import type { Outcome } from '../messaging/adapter.ts';
import type { BrokerEvent } from '../messaging/event.ts';
import type { RunOutcome } from '../processor/processor.ts';

/** One event; `kind` identifies it. Durations are milliseconds. */
export type ServiceEvent =
  | DeliveryStarted
  | DeliveryIsolated
  | DeliveryEnded
  | OccurrenceEnded
  | OccurrenceSkipped
  | StateChanged
  | ServiceFailed
  | ServiceCrashed
  | EndFailed
  | ConsumerStarted
  | CountFailed
  | CrashJournalFailed
  | ScheduleStarted
  | BrokerEvent;

/** The facts of a delivery that its events share. */
interface DeliveryFacts {
  readonly queue: string;
  readonly messageId: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Time from sending the message to this delivery; undefined if the time of sending is unknown. */
  readonly ageMs: number | undefined;
}

/** The pipeline has begun to process a delivery. */
export interface DeliveryStarted extends DeliveryFacts {
  readonly kind: 'delivery-started';
}

/** A delivery on which a host may have died is about to run alone. */
export interface DeliveryIsolated extends Omit<DeliveryFacts, 'ageMs'> {
  readonly kind: 'delivery-isolated';
  /** False if others were still running after ten seconds. */
  readonly isAlone: boolean;
  /** How many times a host has died while it processed this message alone. */
  readonly deaths: number;
}

/** A delivery has ended, and its outcome has been settled or lost. Every delivery ends with one such event. */
export interface DeliveryEnded extends DeliveryFacts {
  readonly kind: 'delivery-ended';
  readonly maxAttempts: number;
  readonly outcome: Outcome;
  /** False if the delivery was lost before the broker had the outcome: the message will be redelivered. */
  readonly isSettled: boolean;
  /** False for a delivery that was requeued before it started. */
  readonly hasStarted: boolean;
  /** Time in decode, validate and `process`. */
  readonly processMs: number;
  /** Time until the broker had the outcome. */
  readonly settleMs: number;
  /** Thrown by `process`, the schema or the pipeline; undefined for `done` and for an unstarted delivery. */
  readonly thrown: unknown;
}

/** A run on a schedule has ended. */
export interface OccurrenceEnded {
  readonly kind: 'occurrence-ended';
  readonly scheduledFor: Date;
  readonly outcome: RunOutcome;
  /** The drain ran out of time. */
  readonly isCutOff: boolean;
  /** Time in `process`. */
  readonly processMs: number;
  /** Time from the occurrence to the start of its run. */
  readonly latenessMs: number;
  /** Undefined for `done`. */
  readonly thrown: unknown;
}

/** Occurrences were due, but nothing ran for them in this process. */
export interface OccurrenceSkipped {
  readonly kind: 'occurrence-skipped';
  /** The first of them. */
  readonly scheduledFor: Date;
  readonly count: number;
  readonly cause: SkipCause;
  /** Why the occurrence could not be claimed; undefined for other causes. */
  readonly thrown: unknown;
}

/** Why occurrences were skipped. */
export type SkipCause =
  /** The previous run was still in progress. */
  | 'busy'
  /** The clock was set forward, or the machine slept. */
  | 'late'
  /** Another replica runs it. */
  | 'elsewhere'
  /** The broker did not say which replica runs it. */
  | 'unclaimed'
  /** The service is draining. */
  | 'draining';

/** A state of a service's life, in this order. */
export type ServiceState = 'connecting' | 'starting' | 'running' | 'draining' | 'stopped';

/** The service has reached the next state of its life; see service.ts. */
export interface StateChanged {
  readonly kind: 'state-changed';
  readonly state: ServiceState;
  /** Why the service was asked to drain, such as `SIGTERM`; absent if it ends by itself. */
  readonly cause?: string;
  /** For `stopped` only. */
  readonly end?: ServiceEnd;
}

/** How a service ended. */
export interface ServiceEnd {
  readonly exitCode: ExitCode;
  /** Deliveries or runs that the drain cut off. */
  readonly cutOff: number;
  /** How all others ended. */
  readonly counts: Readonly<Record<string, number>>;
}

/** The service cannot go on: it drains and ends. */
export interface ServiceFailed {
  readonly kind: 'service-failed';
  readonly thrown: unknown;
  /** It was ending already. */
  readonly isEnding: boolean;
}

/** An error was not caught: the process ends at once. */
export interface ServiceCrashed {
  readonly kind: 'service-crashed';
  readonly thrown: unknown;
}

/** A step of the shutdown has failed; the shutdown goes on. */
export interface EndFailed {
  readonly kind: 'end-failed';
  /** The processor's `stop`, or the broker connection's `close`. */
  readonly step: 'stop' | 'close';
  readonly thrown: unknown;
}

/** A queue is being consumed. */
export interface ConsumerStarted {
  readonly kind: 'consumer-started';
  readonly queue: string;
  readonly concurrency: number;
  readonly broker: string;
}

/** The messages of the queue could not be counted for EXIT_WHEN_FINISHED; they are counted again. */
export interface CountFailed {
  readonly kind: 'count-failed';
  readonly thrown: unknown;
}

/** The crash journal could not be written: if the host dies of the message that runs alone now, that is not counted. */
export interface CrashJournalFailed {
  readonly kind: 'crash-journal-failed';
  readonly queue: string;
  readonly thrown: unknown;
}

/** The service has begun to follow its schedule. */
export interface ScheduleStarted {
  readonly kind: 'schedule-started';
  /** In words. */
  readonly schedule: string;
  readonly timezone: string;
  /** The next occurrence, ISO 8601 with the offset of the zone. */
  readonly next: string;
}

/** Called with each event. It is not awaited, and its errors do not affect the service. */
export type ServiceListener = (event: ServiceEvent) => void | Promise<void>;

/** The events of one service. */
export class ServiceEvents {
  readonly #listeners = new Set<ServiceListener>();
  readonly #faulty = new WeakSet<ServiceListener>();
  readonly #onFault: (thrown: unknown) => void;

  /** @param onFault called with the first error of each listener; default: nothing */
  constructor(onFault: (thrown: unknown) => void = () => undefined) {
    this.#onFault = onFault;
  }

  /**
   * Calls `listener` with each event from now on.
   *
   * @returns a function that ends this
   */
  listen(listener: ServiceListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Calls every listener. Never throws, and waits for none of them. */
  emit(event: ServiceEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)?.catch((thrown: unknown) => this.#report(listener, thrown));
      } catch (thrown) {
        this.#report(listener, thrown);
      }
    }
  }

  #report(listener: ServiceListener, thrown: unknown): void {
    if (this.#faulty.has(listener)) return;
    this.#faulty.add(listener);
    this.#onFault(thrown);
  }
}
