// The contract that every broker connection keeps: the words between the service and a broker. Knows no broker.
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

/** One handing-over of a message by the broker. */
export interface Delivery extends MessageFacts {
  /** 1 for the first delivery, one more after each `retry`; see `Capabilities.countsEveryDelivery`. */
  readonly attempt: number;
  /** How often the host died over this attempt, without an outcome; 0 unless `Capabilities.countsCrashes`. */
  readonly crashes: number;
  /** The broker has delivered this attempt before: it was requeued, or its host died or lost its connection. */
  readonly redelivered: boolean;
  /** When the message was first sent; undefined if neither the broker nor the sender says so. */
  readonly enqueuedAt: Date | undefined;
  /** The queue that the sender awaits a reply on. */
  readonly replyTo: string | undefined;
  /** Tells the sender which request a reply answers. */
  readonly correlationId: string | undefined;
  /** Aborted once the broker may have given the message to another consumer: no outcome is recorded any more. */
  readonly lost: AbortSignal;
  /**
   * Records the outcome with the broker, exactly once: later calls do nothing. Repeats calls that fail for now.
   *
   * @returns true once the broker has it; false if the delivery was lost, so that the message will be redelivered
   * @throws BrokerRefusedError the broker refuses the outcome for good
   */
  settle(outcome: Outcome): Promise<boolean>;
}

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
  /** The queue for this queue's dead letters. */
  readonly deadLetterQueueName: string;
  /** Called once if consuming has ended for good and cannot start again: the service must end. */
  readonly onFailure: (error: Error) => void;
  /** The broker's own variables of the consume config, by name, as they are now; they may change at any time. */
  readonly tuning?: () => Readonly<Record<string, number | undefined>>;
}

/** A running subscription to one queue. */
export interface Consumer {
  /** Stops deliveries: none arrives after this has resolved. Those that arrived can still be settled. Idempotent. */
  drain(): Promise<void>;
  /** Drains, and requeues all that is unsettled. Idempotent. */
  stop(): Promise<void>;
}

/**
 * One kind of broker connection. Before `connect` has resolved and after `close`, every other method rejects with a
 * NotConnectedError. Brokers that can do more implement the interfaces of capability.ts.
 */
export interface MessageAdapter {
  readonly capabilities: Capabilities;
  /** The broker's address for people, without secrets. */
  readonly address: string;
  /** Retries for as long as it takes. @throws BrokerRefusedError trying again cannot help */
  connect(): Promise<void>;
  /** Creates the queue, durable, if it is missing; leaves an existing one as it is. */
  ensureQueue(queueName: string): Promise<void>;
  /**
   * Resolves when the broker has the message safely.
   *
   * @param body the message's bytes; JSON, for a service to read it (see message.ts)
   * @throws UnroutableError there is no such queue
   * @throws SendError the broker has not confirmed the message; it may have it all the same
   */
  sendMessage(queueName: string, body: Uint8Array, options?: SendOptions): Promise<void>;
  /**
   * Creates the queue if it is missing and delivers from it until stopped, through every loss of connection, channel or
   * consumer. Resolves when the first delivery can arrive.
   *
   * @param onDelivery must not throw, and must have each delivery settled
   */
  consumeMessages(
    queueName: string,
    onDelivery: (delivery: Delivery) => void,
    options: ConsumeOptions,
  ): Promise<Consumer>;
  /**
   * The number of messages that wait in the queue, including those that wait for a retry; not those in flight.
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
  /** For all that any broker can meet; never throws. */
  readonly emit: (event: BrokerEvent) => void;
  /** For lines that only this broker can have. */
  readonly log: Logger;
}
