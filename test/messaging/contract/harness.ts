// What a broker brings to the contract suite, and what it may say it cannot do. Owns no test.
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
