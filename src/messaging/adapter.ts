// The contract that every broker connection keeps. Owns the words between the service and a broker; knows no broker.
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';

/** Why a message was given up on; the value of the `svchost-reason` header of a dead letter. */
export type DeadReason =
  /** `process` threw at every attempt. */
  | 'failed'
  /** The body is not UTF-8 JSON. */
  | 'undecodable'
  /** The processor's schema refused the message. */
  | 'invalid'
  /** `process` threw a DeadLetterError. */
  | 'rejected'
  /** `process` took longer than PROCESS_TIMEOUT at the last attempt. */
  | 'timeout'
  /** The process ended, or crashed, each time it was given the message. */
  | 'crashed';

/** What a delivery ended with, told to the broker by `Delivery.settle`. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry'; readonly delayMs: number; readonly error: Failure }
  | { readonly kind: 'dead'; readonly reason: DeadReason; readonly error: Failure }
  | { readonly kind: 'requeue' };

/** An error's name and message, as a dead letter keeps them. */
export interface Failure {
  readonly name: string;
  readonly message: string;
}

/** Header names on the wire. Brokers own `x-` headers, so these do not begin with it. */
export const header = {
  attempt: 'svchost-attempt',
  firstSeen: 'svchost-first-seen',
  lastSeen: 'svchost-last-seen',
  reason: 'svchost-reason',
  error: 'svchost-error',
  sourceQueue: 'svchost-source-queue',
  attempts: 'svchost-attempts',
} as const;

export type Headers = Readonly<Record<string, unknown>>;

/** One handing-over of a message by the broker. */
export interface Delivery {
  /** The message's id, the same at every attempt. Made up by the adapter where the sender gave none. */
  readonly messageId: string;
  /** The message's bytes. */
  readonly body: Uint8Array;
  /** 1 for the first delivery, one more after each `retry`. A `requeue` does not count. */
  readonly attempt: number;
  /** The broker counts each handing-over as an attempt, also those that ended in a `requeue` or with the host's death. */
  readonly attemptCountsHandOuts?: true;
  /**
   * How often this attempt was handed out before without an outcome (its host died), as far as the broker can tell.
   * 0 where it cannot.
   */
  readonly crashes: number;
  readonly headers: Headers;
  /** When the message was first sent, where the broker or the sender says so. */
  readonly enqueuedAt: Date | undefined;
  /**
   * Aborted when the broker may have given the message to somebody else, where the adapter can tell: no outcome is told
   * any more, and work on it is best ended.
   */
  readonly lost?: AbortSignal;
  /**
   * Tells the broker the outcome: exactly once, later calls do nothing. Resolves when the broker has been told, or
   * when this delivery's channel or lease is gone and the broker will deliver the message again. Retries by itself
   * what can pass; rejects only with a BrokerRefusedError.
   */
  settle(outcome: Outcome): Promise<void>;
}

export interface SendOptions {
  /** Earliest delivery, in milliseconds from now. Only where `capabilities.delayedSend`; else UnsupportedError. */
  readonly delayMs?: number;
  readonly headers?: Headers;
  /** Default: a random UUID. */
  readonly messageId?: string;
}

export interface ConsumeOptions {
  /** How many unsettled deliveries to hold at most. 1 keeps the queue's order. */
  readonly concurrency: number;
  /** Where dead letters of this queue go. */
  readonly deadLetterQueueName: string;
  /** Called once when consuming has ended for good, and never started again: the service must end. */
  readonly onFailure: (error: Error) => void;
  /** Asked before each poll and each lease: what it answers may change at any time. Only for SQS. */
  readonly pace?: () => Pace;
}

/** How polls and leases are timed; what is undefined is the broker's, or the adapter's, to say. */
export interface Pace {
  /** How long a message is leased at a time, in whole seconds. */
  readonly visibilityTimeoutS: number | undefined;
  /** How long a poll waits for messages, in whole seconds. */
  readonly listenIntervalS: number | undefined;
}

/** A message that waits in a queue. */
export interface WaitingMessage {
  readonly messageId: string;
  readonly body: Uint8Array;
  readonly headers: Headers;
}

/** A running subscription to one queue. */
export interface Consumer {
  /**
   * Stops taking deliveries: after it resolves, `onDelivery` is not called again. What was delivered can still be
   * settled. Idempotent.
   */
  drain(): Promise<void>;
  /** Drains, and lets go of what has not been settled, so that the broker delivers it again. Idempotent. */
  stop(): Promise<void>;
}

/** What a broker can do beyond the contract, so that commands and tests can tell. */
export interface Capabilities {
  /** `SendOptions.delayMs` works. */
  readonly delayedSend: boolean;
  /** `Delivery.crashes` counts deliveries whose host died. */
  readonly countsCrashes: boolean;
}

/** One kind of broker connection. All methods may be called as soon as `connect` has resolved. */
export interface MessageAdapter {
  readonly capabilities: Capabilities;
  /** The broker's address for people, without secrets. */
  readonly address: string;
  /** How many calls were made so far, by kind, where the broker is paid by the call. */
  readonly calls?: Readonly<Record<string, number>>;
  /** Retries for as long as it takes; rejects with a BrokerRefusedError where trying again cannot help. */
  connect(): Promise<void>;
  /** Makes the queue where it is missing, durable; leaves one that exists as it is. */
  ensureQueue(queueName: string): Promise<void>;
  /**
   * Resolves when the broker has the message safely. Rejects with an UnroutableError where there is no such queue, and
   * with a SendError where the broker has not confirmed it.
   *
   * @param body the message's bytes; JSON, for a service to read it (see message.ts)
   */
  sendMessage(queueName: string, body: Uint8Array, options?: SendOptions): Promise<void>;
  /**
   * Makes the queue where it is missing and delivers from it, through every loss of connection, channel or consumer,
   * until stopped. Resolves when the first delivery can arrive.
   *
   * @param onDelivery must not throw, and must see to it that each delivery is settled
   */
  consumeMessages(
    queueName: string,
    onDelivery: (delivery: Delivery) => void,
    options: ConsumeOptions,
  ): Promise<Consumer>;
  /**
   * How many messages wait in the queue, those included that wait for a retry; not those in work.
   *
   * @param retryDelaysMs the delays that retries of this queue may have
   */
  countMessages(queueName: string, retryDelaysMs: readonly number[]): Promise<number>;
  /**
   * The newest messages that wait in a queue, oldest first, without handing them out; none where there is no such queue.
   *
   * Undefined where the broker shows a message only to who takes it.
   *
   * @param limit how many at most
   */
  browseMessages?(queueName: string, limit: number): Promise<readonly WaitingMessage[]>;
  /**
   * What about a queue, as it is at the broker, does not go with how it is used: a line for people each. Only where a
   * broker has something of the kind.
   *
   * @param maxAttempts how often a message is tried
   */
  inspectQueue?(queueName: string, maxAttempts: number): Promise<readonly string[]>;
  /**
   * Claims one occurrence of a schedule for the caller: of all who ever ask for it, over any connection, at most one is
   * told true. The claim is not given back, also where its owner dies.
   *
   * Remembered for `claimMemoryMs` at least: who asks about an older occurrence must not run it.
   *
   * Undefined where the broker has no way to tell.
   *
   * @param scheduleName the same for all replicas of a service
   * @returns false where another has claimed it
   * @throws an error where nobody can tell, because the broker does not answer; the occurrence may be claimed all the same
   */
  claimOccurrence?(scheduleName: string, occurrence: Date): Promise<boolean>;
  /** Closes the connection; unsettled deliveries go back to the broker. Idempotent. */
  close(): Promise<void>;
}

/** How long a claimed occurrence is remembered at least, in milliseconds from its claim. */
export const claimMemoryMs = 10 * 60_000;

/** What every adapter is given. */
export interface AdapterContext {
  /** Seen by the broker's operators, where the broker shows names: `service@version`. */
  readonly connectionName: string;
  readonly log: Logger;
  readonly clock: Clock;
}
