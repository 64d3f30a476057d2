// What a broker brings to the contract suite. What it cannot do is in its Capabilities. Owns no test.
import { it } from 'vitest';
import type { AdapterContext, MessageAdapter } from '../../../src/messaging/adapter.ts';
import type { MessageFacts } from '../../../src/messaging/message.ts';
import type { Capabilities } from '../../../src/messaging/capability.ts';

/** A broker, as the suite needs it. */
export interface AdapterHarness {
  /** Those of its adapters. */
  readonly capabilities: Capabilities;
  /** Only one connection reaches the broker: tests of two hosts are left out. */
  readonly isPrivate?: true;
  /** Makes the broker ready; called once. */
  start?(): Promise<void>;
  /** Ends the use of the broker; called once. */
  stop?(): Promise<void>;
  /** A new connection to the broker that is not connected yet. The suite closes it. */
  create(emit: AdapterContext['emit']): Promise<MessageAdapter>;
  /** A name that no queue has had. The harness deletes the queue in the end, and the one named `<it>_dead`. */
  queueName(): string;
  /** The messages that wait in the queue, not by way of an adapter, and without taking them out. */
  browse(queueName: string): Promise<MessageFacts[]>;
  /**
   * Makes the broker lose sight of this connection, as when its host is killed or the network cut: all that it holds
   * unsettled must be redelivered. The adapter may come back by itself.
   */
  crash(adapter: MessageAdapter): Promise<void>;
}

/**
 * Declares a test if the broker can do what it is about: what it cannot do by its nature is no test of it, and none that
 * is skipped.
 */
export function itIf(isAble: boolean): (name: string, test: () => Promise<void>) => void {
  return (name, test) => {
    if (isAble) it(name, test);
  };
}
