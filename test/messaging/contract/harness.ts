// What a broker brings to the contract suite, and what it may say it cannot do. Owns no test.
import { it } from 'vitest';
import type { Headers, MessageAdapter } from '../../../src/messaging/adapter.ts';

/** What a broker cannot do, by its nature. What is left out, it can. */
export interface AdapterLimits {
  /** Only one connection reaches the broker: tests of two hosts are left out. */
  readonly oneConnection?: true;
  /** The broker promises no order. */
  readonly unordered?: true;
  /** Bodies are text, and not empty: tests of other bytes are left out. */
  readonly textBodies?: true;
  /** The largest body in bytes; default 10 MiB, which is what the suite tries. */
  readonly largestBodyBytes?: number;
  /** Header values are strings: tests of nested ones are left out. */
  readonly flatHeaders?: true;
  /**
   * The broker counts how often it hands a message out, and not why: a message that was handed back, or whose host
   * died, is at its next attempt.
   */
  readonly countsHandOuts?: true;
  /** A header named `__proto__` is lost on the way; it must do no harm. */
  readonly noProtoHeader?: true;
}

/** A message that waits in a queue, as the broker has it. */
export interface BrowsedMessage {
  readonly body: Uint8Array;
  readonly headers: Headers;
  readonly messageId: string;
}

/** A broker, as the suite needs it. */
export interface AdapterHarness {
  readonly limits: AdapterLimits;
  /** Makes the broker ready; called once. */
  start?(): Promise<void>;
  /** Lets go of the broker; called once. */
  stop?(): Promise<void>;
  /** A new, connected connection to the broker. The suite closes it. */
  open(): Promise<MessageAdapter>;
  /** A name that no queue has had. The harness sees to it that the queue is deleted, and the one named `<it>_dead`. */
  queueName(): string;
  /** The messages that wait in the queue, not by way of an adapter, and without taking them out. */
  browse(queueName: string): Promise<BrowsedMessage[]>;
  /**
   * Makes the broker lose sight of this connection, as when its host is killed or the network cut: all that it holds
   * unsettled must be delivered again. The adapter may come back by itself.
   */
  crash(adapter: MessageAdapter): Promise<void>;
}

/**
 * Declares a test unless the broker is limited so: what it cannot do by its nature is no test of it, and none that is
 * skipped.
 */
export function itUnless(limit: true | undefined): (name: string, test: () => Promise<void>) => void {
  return (name, test) => {
    if (!limit) it(name, test);
  };
}
