// The contract between the service and any broker: outcomes, deliveries, consumers and the adapter itself.
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Capabilities } from './capability.ts';
import type { DeadReason, Failure } from './dead-letter.ts';
import type { BrokerEvent } from './event.ts';
import type { Headers, MessageFacts } from './message.ts';

/** How a delivery ended; recorded with the broker by `Delivery.settle`. */
export type Outcome =
  /** `result`: the value that `process` returned or resolved with. */
  | { readonly kind: 'done'; readonly result?: unknown }
  | { readonly kind: 'retry'; readonly delayMs: number; readonly error: Failure }
  | { readonly kind: 'dead'; readonly reason: DeadReason; readonly error: Failure }
  | { readonly kind: 'requeue' };

/** One delivery of a message. The service settles it exactly once. */
export interface Delivery extends MessageFacts {
  /** 1 for the first delivery, one more after each `retry`; see `Capabilities.countsEveryDelivery`. */
  readonly attempt: number;
  /** How many times a host died during this attempt, without an outcome; 0 unless `Capabilities.countsCrashes`. */
  readonly crashes: number;
  /** The broker has delivered this attempt before: it was requeued, or its host died or lost its connection. */
  readonly redelivered: boolean;
  /** When the message was first sent; undefined if neither the broker nor the sender says so. */
  readonly enqueuedAt: Date | undefined;
  /** The queue on which the sender awaits a reply. */
  readonly replyTo: string | undefined;
  /** Tells the sender which request a reply answers. */
  readonly correlationId: string | undefined;
  /** Aborted once another consumer may have the message: no outcome is recorded after that. */
  readonly lost: AbortSignal;
  /**
   * Records the outcome with the broker, exactly once: later calls change nothing. Retries temporary failures. If the
   * broker refuses the copy that a retry or dead letter needs, the message stays in its queue, unsettled, and the copy is
   * tried again at long intervals, until the consumer drains.
   *
   * @param onHeld called when the copy is refused for the first time
   * @returns true once the broker has the outcome; false if the delivery was lost, or the consumer drained while the
   * broker refused the copy: the message will be redelivered
   * @throws BrokerRefusedError the broker permanently refuses the outcome
   */
  settle(outcome: Outcome, onHeld?: OnHeld): Promise<boolean>;
}

/**
 * Tells the service that a message cannot be moved for now; see `Delivery.settle`.
 *
 * @returns whether another delivery may take its place: it no longer counts towards `ConsumeOptions.concurrency`
 */
export type OnHeld = () => boolean;

/** Facts to send with a message. */
export interface SendOptions {
  /** Earliest delivery, in milliseconds from now; needs `Capabilities.delayedSend`, else UnsupportedError. */
  readonly delayMs?: number;
  readonly headers?: Headers;
  /** Default: a random UUID. */
  readonly messageId?: string;
  readonly replyTo?: string;
  readonly correlationId?: string;
}

/** How to consume a queue. */
export interface ConsumeOptions {
  /** The largest number of unsettled deliveries. 1 keeps the order of the queue. */
  readonly concurrency: number;
  /** How many times a message is tried: headers that claim more attempts are not believed. Default: without limit. */
  readonly maxAttempts?: number;
  /** The queue for this queue's dead letters. */
  readonly deadLetterQueueName: string;
  /** Called once when consuming has failed permanently: the service must end. */
  readonly onFailure: (error: Error) => void;
  /** The current values of the broker's own variables in the consume config, by name; they may change at any time. */
  readonly tuning?: () => Readonly<Record<string, number | undefined>>;
}

/** A running subscription to one queue. */
export interface Consumer {
  /**
   * Stops deliveries: none arrives after this has resolved; earlier ones can still be settled. Requeues the messages
   * that cannot be moved. Idempotent.
   */
  drain(): Promise<void>;
  /** Drains, then requeues every unsettled delivery. Idempotent. */
  stop(): Promise<void>;
}

/**
 * One kind of broker connection. Before `connect` has resolved and after `close`, every other method rejects with a
 * NotConnectedError. Brokers that can do more implement the interfaces of capability.ts.
 */
export interface MessageAdapter {
  readonly capabilities: Capabilities;
  /** The broker's address for display, without secrets. */
  readonly address: string;
  /**
   * Connects; retries for as long as it takes.
   *
   * @throws BrokerRefusedError retrying cannot help
   */
  connect(): Promise<void>;
  /** Creates the queue, durable, if it is missing; leaves an existing one as it is. */
  ensureQueue(queueName: string): Promise<void>;
  /**
   * Sends a message. Resolves when the broker has confirmed it.
   *
   * @param body the message's bytes; a service can read only JSON (see message.ts)
   * @throws UnroutableError there is no such queue
   * @throws SendError the broker has not confirmed the message, but may still have it
   */
  sendMessage(queueName: string, body: Uint8Array, options?: SendOptions): Promise<void>;
  /**
   * Creates the queue if it is missing and delivers from it until stopped, recovering from every loss of connection,
   * channel or consumer. Resolves when the first delivery can arrive.
   *
   * @param onDelivery must not throw; each delivery must be settled in the end
   */
  consumeMessages(
    queueName: string,
    onDelivery: (delivery: Delivery) => void,
    options: ConsumeOptions,
  ): Promise<Consumer>;
  /**
   * The number of messages waiting in the queue, including those waiting for a retry, but not those in flight.
   *
   * @param retryDelaysMs the delays that retries of this queue may have
   */
  countMessages(queueName: string, retryDelaysMs: readonly number[]): Promise<number>;
  /** Closes the connection; the broker requeues unsettled deliveries. Idempotent. */
  close(): Promise<void>;
}

/** The second argument of every adapter's constructor, after its settings. */
export interface AdapterContext {
  /** Shown to the broker's operators, if the broker shows names: `service@version`. */
  readonly connectionName: string;
  readonly clock: Clock;
  /**
   * How long refusals of the first connection are tolerated, in milliseconds: the user may be about to be created. Default:
   * not at all.
   */
  readonly refusalPatienceMs?: number;
  /** Reports an event that any broker can have; never throws. */
  readonly emit: (event: BrokerEvent) => void;
  /** For log lines that are specific to this broker. */
  readonly log: Logger;
}
