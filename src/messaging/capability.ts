// The differences between brokers: flags that commands and the contract suite read, and an interface for each optional
// ability.
import type { MessageFacts } from './message.ts';

/** All that a broker can and cannot do beyond the contract. */
export interface Capabilities {
  /** `SendOptions.delayMs` works. */
  readonly delayedSend: boolean;
  /** `Delivery.crashes` counts deliveries whose host died. */
  readonly countsCrashes: boolean;
  /** `Delivery.attempt` counts every delivery, including those that ended in a `requeue` or with the host's death. */
  readonly countsEveryDelivery: boolean;
  /** At concurrency 1, messages are delivered in the order in which they were sent. */
  readonly ordered: boolean;
  /** Bodies may be any bytes; if not, they are UTF-8 text, not empty. */
  readonly binaryBodies: boolean;
  /** The largest body, in bytes; undefined if the broker's operators set it. */
  readonly largestBodyBytes: number | undefined;
  /** A header named `__proto__` arrives; if not, it is dropped and does no harm. */
  readonly protoHeader: boolean;
  /** The adapter is `Browsable`. */
  readonly listsMessages: boolean;
  /** The adapter is `Claiming`. */
  readonly claimsOccurrences: boolean;
  /** The adapter is `Inspectable`. */
  readonly inspectsQueues: boolean;
  /** The adapter is a `CrashJournal`; other brokers count crashes or deliveries, and hosts keep a journal on disk. */
  readonly journalsCrashes: boolean;
  /** The adapter is `Metered`: the broker is paid by the call. */
  readonly paidByTheCall: boolean;
}

/** A broker that lists messages without delivering them. */
export interface Browsable {
  /**
   * The newest messages that wait in a queue, oldest first; none if there is no such queue.
   *
   * @param limit the largest number of messages
   */
  browseMessages(queueName: string, limit: number): Promise<readonly MessageFacts[]>;
}

/** A broker that can grant an occurrence to exactly one of several replicas. */
export interface Claiming {
  /**
   * Claims one occurrence of a schedule for the caller: of all callers, over any connection, at most one gets true. A
   * claim is final, even if its owner dies. It is remembered for at least `claimMemoryMs`, so nobody may claim an
   * occurrence that is older.
   *
   * @param scheduleName the same in all replicas of a service
   * @returns false if another caller has claimed it
   * @throws Error the broker does not answer; the claim may have succeeded nonetheless
   */
  claimOccurrence(scheduleName: string, occurrence: Date): Promise<boolean>;
}

/** The least time for which a claim is remembered, in milliseconds: 10 minutes. */
export const claimMemoryMs = 10 * 60_000;

/** Remembers which messages were started alone and did not end: their host died. Forgets them after a day. */
export interface CrashJournal {
  /**
   * Notes that a message is about to run alone.
   *
   * @param identity the same at each delivery of the message; hexadecimal
   * @returns how often that was noted before, and not ended
   */
  noteStart(queueName: string, identity: string): Promise<number>;
  /** Notes that the message has ended, in whatever way: its starts are forgotten. */
  noteEnd(queueName: string, identity: string): Promise<void>;
}

/** What a service needs besides its queue. */
export interface QueueNeeds {
  /** How many times a message is tried. */
  readonly maxAttempts: number;
  readonly deadLetterQueueName: string;
  /** The delays that retries may have. */
  readonly retryDelaysMs: readonly number[];
}

/** A broker whose queues may be configured so that they do not fit svchost, which `inspectQueue` detects. */
export interface Inspectable {
  /**
   * The faults in a queue's configuration at the broker, one readable line each.
   *
   * @throws BrokerRefusedError the queue cannot serve
   * @param needs what the service will need of the broker besides the queue
   */
  inspectQueue(queueName: string, needs: QueueNeeds): Promise<readonly string[]>;
}

/** A broker that is paid by the call. */
export interface Metered {
  /** The number of calls so far, by kind. */
  readonly calls: Readonly<Record<string, number>>;
}

/** An adapter, as far as it is known here. */
interface Capable {
  readonly capabilities: Capabilities;
}

/** Whether `browseMessages` works. */
export function isBrowsable<T extends Capable>(adapter: T): adapter is T & Browsable {
  return adapter.capabilities.listsMessages;
}

/** Whether `claimOccurrence` works. */
export function isClaiming<T extends Capable>(adapter: T): adapter is T & Claiming {
  return adapter.capabilities.claimsOccurrences;
}

/** Whether `inspectQueue` works. */
export function isInspectable<T extends Capable>(adapter: T): adapter is T & Inspectable {
  return adapter.capabilities.inspectsQueues;
}

/** Whether the broker keeps the crash journal. */
export function isCrashJournal<T extends Capable>(adapter: T): adapter is T & CrashJournal {
  return adapter.capabilities.journalsCrashes;
}

/** Whether there are `calls` to read. */
export function isMetered<T extends Capable>(adapter: T): adapter is T & Metered {
  return adapter.capabilities.paidByTheCall;
}
